/**
 * `ReduceMean(x)` over all axes after the channels ⇒ `GlobalAveragePool(x)`, and `Flatten` where it does not keep the axes:
 * the same values, and pooling has an int8 kernel. Only if the rank is known and the axes are constant.
 */
import { intAttribute, intsAttribute } from '../../../graph/attributes.ts';
import { node } from '../../../graph/build.ts';
import type { Node } from '../../../graph/model.ts';
import type { RewriteContext, Rule } from '../../../graph/rewrite.ts';

export const averageByPooling: Rule = {
  name: 'averageByPooling',
  opTypes: ['ReduceMean'],
  replace(mean, context) {
    const [x = ''] = mean.inputs;
    const rank = rankOf(x, context);
    const axes = axesOf(mean, context);
    if (rank === undefined || rank < 3 || !axes) return undefined;
    const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
    if (reduced.size !== rank - 2 || reduced.has(0) || reduced.has(1)) return undefined;
    const [output = ''] = mean.outputs;
    const pool = (to: string) => node('GlobalAveragePool', [x], [to], {}, mean.name);
    if (intAttribute(mean, 'keepdims', 1) !== 0) return { nodes: [pool(output)] };
    const pooled = context.freshName(`${output}_pooled`);
    return { nodes: [pool(pooled), node('Flatten', [pooled], [output], {}, mean.name && `${mean.name}/flatten`)] };
  },
};

/** Until operator set 18 an attribute, then an input. */
function axesOf(mean: Node, { constant }: RewriteContext): readonly number[] | undefined {
  const input = mean.inputs[1];
  if (!input) return intsAttribute(mean, 'axes');
  const tensor = constant(input);
  return tensor && Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** Operators whose output has the rank of their first input. */
const keepRank: ReadonlySet<string> = new Set(
  'Add AveragePool BatchNormalization Clip Concat Elu HardSigmoid HardSwish LeakyRelu MaxPool PRelu Relu Sigmoid Tanh'.split(
    ' ',
  ),
);

/** From the stated shape, or from the nearest convolution before. */
function rankOf(value: string, context: RewriteContext): number | undefined {
  const stated = context.dims(value)?.length;
  const producer = context.links.producers.get(value);
  if (stated !== undefined || !producer) return stated;
  if (producer.opType === 'Conv') return context.dims(producer.inputs[1]!)?.length;
  return keepRank.has(producer.opType) ? rankOf(producer.inputs[0]!, context) : undefined;
}
