/**
 * `Add(Add(x, a), b)` ⇒ `Add(x, a + b)` for constant a and b where one of them has the other's shape behind leading axes (a
 * bias, then an embedding of positions). Only if nobody else reads between them.
 */
import { float32 } from '../build.ts';
import { storeTensor } from '../initializer.ts';
import type { RewriteContext, Rule } from '../rewrite.ts';
import type { Tensor } from '../tensor.ts';
import { bothOrders, floatsOf, soleProducer } from './match.ts';

export const mergeConstantAdds: Rule = {
  name: 'mergeConstantAdds',
  opTypes: ['Add'],
  replace(outer, context) {
    for (const [sum, b] of bothOrders(outer)) {
      const inner = soleProducer(sum, 'Add', context);
      const second = floatsOf(b, context);
      if (!inner || !second) continue;
      for (const [x, a] of bothOrders(inner)) {
        const first = floatsOf(a, context);
        const merged = first && context.constant(x) === undefined && add(first, second);
        if (!merged || !keepsRank(x, merged, context)) continue;
        const stored = storeTensor(context.freshName(`${a}_sum`), merged);
        return { nodes: [{ ...outer, inputs: [x, stored.name] }], initializers: [stored] };
      }
    }
    return undefined;
  },
};

/** The larger plus the smaller repeated; undefined when the smaller's axes are not the larger's last. */
function add(a: Tensor<'float32'>, b: Tensor<'float32'>): Tensor<'float32'> | undefined {
  const [large, small] = a.data.length >= b.data.length ? [a, b] : [b, a];
  const tail = small.dims.length === 0 ? [] : large.dims.slice(-small.dims.length);
  if (small.dims.length > large.dims.length || String(tail) !== String(small.dims)) return undefined;
  return float32(
    large.dims,
    large.data.map((value, i) => value + small.data[i % small.data.length]!),
  );
}

/** So that the inner sum had the shape of x, not one that a broadcast it to. */
function keepsRank(x: string, { dims }: Tensor, context: RewriteContext): boolean {
  const rank = context.dims(x)?.length;
  return rank !== undefined ? rank >= dims.length : dims.length <= 1;
}
