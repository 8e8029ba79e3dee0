/**
 * `ReduceMean(Squeeze(x))` ⇒ `ReduceMean(x)` over the squeezed axis as well: one node fewer. Only if the mean drops its axes, the
 * rank is known and nobody else reads between them.
 */
import { int, intAttribute, ints, intsAttribute } from '../attributes.ts';
import { int64, node } from '../build.ts';
import { storeTensor } from '../initializer.ts';
import { opsetVersion } from '../model.ts';
import type { Rule } from '../rewrite.ts';
import { integersOf, soleProducer } from './match.ts';

export const averageSqueezed: Rule = {
  name: 'averageSqueezed',
  opTypes: ['ReduceMean'],
  replace(mean, context) {
    const squeeze = soleProducer(mean.inputs[0], 'Squeeze', context);
    const rank = squeeze && context.dims(squeeze.inputs[0]!)?.length;
    const dropped = integersOf(squeeze?.inputs[1], context);
    const averaged = integersOf(mean.inputs[1], context) ?? intsAttribute(mean, 'axes');
    if (!squeeze || !rank || !dropped || !averaged || intAttribute(mean, 'keepdims', 1) !== 0) return undefined;
    const gone = new Set(dropped.map((axis) => (axis < 0 ? axis + rank : axis)));
    const left = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !gone.has(axis));
    const axes = [...gone, ...averaged.map((axis) => left.at(axis)!)].sort((a, b) => a - b);
    const attributes = { keepdims: int(0) };
    const [x] = squeeze.inputs as [string];
    // From operator set 18 on the axes are an input.
    if ((opsetVersion(context.model) ?? 0) < 18)
      return { nodes: [node('ReduceMean', [x], mean.outputs, { ...attributes, axes: ints(axes) }, mean.name)] };
    const stored = storeTensor(context.freshName(`${mean.outputs[0]}_axes`), int64([axes.length], axes));
    return {
      nodes: [node('ReduceMean', [x, stored.name], mean.outputs, attributes, mean.name)],
      initializers: [stored],
    };
  },
};
