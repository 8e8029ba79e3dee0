/** A model with other values in some of its initializers. */
import { storeTensor } from '../graph/initializer.ts';
import type { Model } from '../graph/model.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Constant nodes of these names give way to initializers. */
export function withWeights(model: Model, weights: ReadonlyMap<string, Tensor>): Model {
  const { graph } = model;
  const stored = [...weights].map(([name, tensor]) => [name, storeTensor(name, tensor)] as const);
  const isReplaced = (name: string | undefined) => name !== undefined && weights.has(name);
  const nodes = graph.nodes.filter(({ opType, outputs }) => opType !== 'Constant' || !isReplaced(outputs[0]));
  return { ...model, graph: { ...graph, nodes, initializers: new Map([...graph.initializers, ...stored]) } };
}
