/** What a model is made of, as far as it decides which recipes are worth trying: operators and the weights they hold. */
import { loadModel } from '../graph/load.ts';
import { type Graph, type Node, subgraphsOf } from '../graph/model.ts';
import { elementCount } from '../graph/tensor.ts';
import type { ModelSummary } from './messages.ts';

/** Counts the main graph and every subgraph. @throws FILE_NOT_FOUND, MODEL_INVALID */
export async function summarizeModel(path: string): Promise<ModelSummary> {
  const { graph } = await loadModel(path);
  const counted = countGraph(graph, new Map());
  const [operators, weights]: [Record<string, number>, Record<string, number>] = [{}, {}];
  for (const { opType, weightCount } of counted) {
    operators[opType] = (operators[opType] ?? 0) + 1;
    if (weightCount > 0) weights[opType] = (weights[opType] ?? 0) + weightCount;
  }
  return { operators, weights };
}

type Counted = { readonly opType: string; readonly weightCount: number };

/** @param outer constants that an enclosing graph lends its bodies: name → elements. */
function countGraph(graph: Graph, outer: ReadonlyMap<string, number>): Counted[] {
  const constants = new Map([...outer, ...constantsIn(graph)]);
  return graph.nodes.flatMap((node) => {
    const weightCount = node.inputs.reduce((sum, name) => sum + (constants.get(name) ?? 0), 0);
    return [{ opType: node.opType, weightCount }, ...subgraphsOf(node).flatMap((body) => countGraph(body, constants))];
  });
}

function constantsIn(graph: Graph): [string, number][] {
  const initializers = [...graph.initializers].map(
    ([name, { dims }]) => [name, elementCount(dims)] as [string, number],
  );
  return [...initializers, ...graph.nodes.flatMap(constantFrom)];
}

/** A `Constant` node is an initializer in another form. */
function constantFrom({ opType, outputs, attributes }: Node): [string, number][] {
  const value = attributes.get('value');
  return opType === 'Constant' && value?.kind === 'tensor' ? [[outputs[0]!, elementCount(value.value.dims)]] : [];
}
