/**
 * `LayerNormalization(Add(a, b))` ⇒ `LayerNormalization(Sum(a, b))`, a bias that was added to `a` before summed in as well.
 * ONNX Runtime's optimiser would fuse the Add into SkipLayerNormalization, whose kernel took three to four times as long as
 * the two together on x86-64 (onnxruntime 1.30; 49 × 48 values: 9 µs against 2.5 µs); it leaves Sum alone.
 * Only if a and b are computed.
 */
import { node } from '../build.ts';
import type { Node } from '../model.ts';
import type { RewriteContext, Rule } from '../rewrite.ts';
import { bothOrders, floatsOf, soleProducer } from './match.ts';

export const sumBeforeLayerNorm: Rule = {
  name: 'sumBeforeLayerNorm',
  opTypes: ['Add'],
  replace(add, context) {
    const [sum = ''] = add.outputs;
    const users = context.links.consumers.get(sum) ?? [];
    if (!users.some(({ opType }) => opType === 'LayerNormalization')) return undefined;
    if (add.inputs.some((input) => context.constant(input))) return undefined;
    const terms = withBias(add, context) ?? add.inputs;
    return { nodes: [node('Sum', terms, add.outputs, {}, add.name)] };
  },
};

/** `Add(Add(x, bias), skip)` as three terms, where the bias is a vector. */
function withBias(add: Node, context: RewriteContext): readonly string[] | undefined {
  for (const [biased, skip] of bothOrders(add)) {
    const inner = soleProducer(biased, 'Add', context);
    for (const [x, bias] of inner ? bothOrders(inner) : [])
      if (floatsOf(bias, context)?.dims.length === 1) return [x, skip, bias];
  }
  return undefined;
}
