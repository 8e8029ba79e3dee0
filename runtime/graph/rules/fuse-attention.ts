/**
 * Self-attention as exporters write it out (one product for queries, keys and values, `Reshape` to [batch, length, 3, heads, size],
 * three times `Gather` and `Transpose`, `softmax(q·kᵀ / c)·v`, back again) ⇒ `com.microsoft.Attention`, one kernel instead of
 * fifteen nodes. Only if the weights are constant and the input has rank 3. Source: onnxruntime ContribOperators, Attention.
 */
import { float, int, intAttribute, intsAttribute } from '../attributes.ts';
import { float32, node } from '../build.ts';
import { storeTensor } from '../initializer.ts';
import type { RewriteContext, Rule } from '../rewrite.ts';
import { bothOrders, floatsOf, integersOf, producedBy, scalarOf, soleProducer } from './match.ts';

export const fuseAttention: Rule = {
  name: 'fuseAttention',
  opTypes: ['Reshape'],
  replace(reshape, context) {
    const back = soleProducer(reshape.inputs[0], 'Transpose', context);
    const mixed = back && hasPerm(back, '0,2,1,3') ? soleProducer(back.inputs[0], 'MatMul', context) : undefined;
    const scores = scaledScores(mixed?.inputs[0], context);
    if (!mixed || !scores) return undefined;
    const parts = [
      slicedHead(scores.query, '0,2,1,3', context),
      slicedHead(scores.key, '0,2,3,1', context),
      slicedHead(mixed.inputs[1], '0,2,1,3', context),
    ];
    if (parts.some((part, index) => part?.index !== index || part.from !== parts[0]?.from)) return undefined;
    const projection = projectionOf(parts[0]!.from, context);
    const width = integersOf(reshape.inputs[1], context)?.at(-1);
    if (!projection || width !== projection.heads * projection.size) return undefined;
    const { x, weight, bias, heads } = projection;
    const attributes = { num_heads: int(heads), scale: float(scores.scale) };
    const zeros = storeTensor(context.freshName(`${weight}_bias`), float32([3 * width], new Float32Array(3 * width)));
    const inputs = [x, weight, bias ?? zeros.name];
    return {
      nodes: [node('com.microsoft:Attention', inputs, reshape.outputs, attributes, mixed.name)],
      initializers: bias ? [] : [zeros],
    };
  },
};

type Matched = ReturnType<typeof producedBy>;

function hasPerm(transpose: NonNullable<Matched>, perm: string): boolean {
  return String(intsAttribute(transpose, 'perm')) === perm;
}

/** `softmax(q·kᵀ · scale)` over the last axis. */
function scaledScores(value: string | undefined, context: RewriteContext) {
  const softmax = soleProducer(value, 'Softmax', context);
  if (!softmax || ![-1, 3].includes(intAttribute(softmax, 'axis', -1))) return undefined;
  const [scaled] = softmax.inputs;
  const div = soleProducer(scaled, 'Div', context);
  const divisor = scalarOf(div?.inputs[1], context);
  if (div && divisor) return scoresOf(div.inputs[0], 1 / divisor, context);
  const mul = soleProducer(scaled, 'Mul', context);
  for (const [product, factor] of mul ? bothOrders(mul) : []) {
    const scale = scalarOf(factor, context);
    if (scale !== undefined) return scoresOf(product, scale, context);
  }
  return undefined;
}

function scoresOf(value: string | undefined, scale: number, context: RewriteContext) {
  const [query, key] = soleProducer(value, 'MatMul', context)?.inputs ?? [];
  return query && key ? { query, key, scale } : undefined;
}

/** `Transpose(Gather(from, index, axis 2))`. */
function slicedHead(value: string | undefined, perm: string, context: RewriteContext) {
  const transpose = soleProducer(value, 'Transpose', context);
  const gather =
    transpose && hasPerm(transpose, perm) ? soleProducer(transpose.inputs[0], 'Gather', context) : undefined;
  const index = integersOf(gather?.inputs[1], context);
  if (!gather || index?.length !== 1 || intAttribute(gather, 'axis', 0) !== 2) return undefined;
  return { from: gather.inputs[0]!, index: index[0]! };
}

/** `Reshape(x · W + b, [batch, length, 3, heads, size])`. */
function projectionOf(value: string, context: RewriteContext) {
  const reshape = producedBy(value, 'Reshape', context);
  const shape = integersOf(reshape?.inputs[1], context);
  if (!reshape || shape?.length !== 5 || shape[2] !== 3) return undefined;
  const [heads, size] = [shape[3]!, shape[4]!];
  const add = soleProducer(reshape.inputs[0], 'Add', context);
  const pairs = add ? bothOrders(add) : [[reshape.inputs[0]!, undefined] as const];
  for (const [product, bias] of pairs) {
    const [x, weight = ''] = soleProducer(product, 'MatMul', context)?.inputs ?? [];
    const isBias = bias === undefined || floatsOf(bias, context)?.dims.length === 1;
    if (!x || !isBias || context.dims(x)?.length !== 3) continue;
    if (floatsOf(weight, context)?.dims[1] === 3 * heads * size) return { x, weight, bias, heads, size };
  }
  return undefined;
}
