/**
 * `Relu(MaxPool(x))` ⇒ `MaxPool(Relu(x))`: the same values, because both keep order, and the Relu then folds into the int8
 * kernel that made x. Only if nobody else reads between them and MaxPool gives no indices.
 */
import { node } from '../../../graph/build.ts';
import type { Rule } from '../../../graph/rewrite.ts';

export const moveReluBeforeMaxPool: Rule = {
  name: 'moveReluBeforeMaxPool',
  opTypes: ['Relu'],
  replace(relu, { links, freshName }) {
    const pooled = relu.inputs[0]!;
    const pool = links.producers.get(pooled);
    if (pool?.opType !== 'MaxPool' || pool.domain !== '' || pool.outputs.filter(Boolean).length > 1) return undefined;
    if (links.consumers.get(pooled)?.length !== 1 || links.outputs.has(pooled)) return undefined;
    const rectified = freshName(`${pool.inputs[0]}_relu`);
    return {
      nodes: [
        node('Relu', [pool.inputs[0]!], [rectified], {}, relu.name),
        { ...pool, inputs: [rectified], outputs: relu.outputs },
      ],
    };
  },
};
