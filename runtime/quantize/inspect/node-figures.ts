/** Each node in figures: what it gives, the weights it holds, its arithmetic. Shapes come from running the model once. */
import { constantValue } from '../../graph/initializer.ts';
import { type Graph, type Model, type Node, type StoredTensor, subgraphsOf } from '../../graph/model.ts';
import { elementCount, elementTypes, type Feeds } from '../../graph/tensor.ts';
import { openExposed } from '../exposed-session.ts';
import { multiplyAdds } from '../multiply-adds.ts';
import { type Shapes, shapesFrom } from '../prepare/run-shapes.ts';
import { nodeName } from './outcomes-of.ts';

export type NodeFigures = {
  readonly node: string;
  readonly opType: string;
  /** Shape of its first output; null when it could not be found by running. */
  readonly output: readonly number[] | null;
  /** Constant values that it reads. What two nodes share counts for both. */
  readonly parameters: number;
  readonly weightBytes: number;
  /** Of one call; null when unknown, 0 where an operator has none. */
  readonly multiplyAdds: number | null;
};

/**
 * Shapes of the main graph's values on these inputs. Empty when the model does not run on them: figures then lack what
 * depends on shapes, which is no reason to refuse the rest.
 */
export async function shapesIfItRuns(model: Model, feeds: Feeds): Promise<Shapes> {
  const session = await openExposed(model, undefined, true);
  try {
    return await shapesFrom(session, feeds);
  } catch {
    return new Map();
  } finally {
    await session.close();
  }
}

/** One row per node in order of execution, those of bodies after their owner, constants left out. */
export function nodeFigures({ graph }: Model, shapes: Shapes): NodeFigures[] {
  return figuresIn(graph, new Map(), (name) => shapes.get(name) ?? graph.initializers.get(name)?.dims);
}

type Constants = ReadonlyMap<string, StoredTensor>;
type DimsOf = (name: string) => readonly number[] | undefined;

/** @param outer constants of the graphs around this one. */
function figuresIn(graph: Graph, outer: Constants, dimsOf: DimsOf): NodeFigures[] {
  const constants = new Map([...outer, ...graph.initializers, ...constantNodes(graph)]);
  return graph.nodes
    .filter(({ opType }) => opType !== 'Constant')
    .flatMap((node) => [
      figuresOf(node, constants, dimsOf),
      // What runs in a body, and how often, one run of the model does not show.
      ...subgraphsOf(node).flatMap((body) => figuresIn(body, constants, () => undefined)),
    ]);
}

function figuresOf(node: Node, constants: Constants, dimsOf: DimsOf): NodeFigures {
  const read = [...new Set(node.inputs)].flatMap((name) => constants.get(name) ?? []);
  return {
    node: nodeName(node),
    opType: node.opType,
    output: dimsOf(node.outputs.find(Boolean) ?? '') ?? null,
    parameters: sum(read.map(({ dims }) => elementCount(dims))),
    weightBytes: sum(read.map(sizeOf)),
    multiplyAdds: multiplyAdds(node, dimsOf) ?? null,
  };
}

function constantNodes({ nodes }: Graph): [string, StoredTensor][] {
  return nodes.flatMap((node) => {
    const value = constantValue(node);
    return value ? [[value.name, value] as [string, StoredTensor]] : [];
  });
}

/** Of all nodes together; null when one of them is unknown. */
export function totalMultiplyAdds(nodes: readonly NodeFigures[]): number | null {
  const counts = nodes.map(({ multiplyAdds: count }) => count);
  return counts.every((count) => count !== null) ? sum(counts) : null;
}

/** Types outside the table (strings, int4) take what the file says. */
function sizeOf({ type, dims, source }: StoredTensor): number {
  return type ? elementCount(dims) * elementTypes[type].bytes : source.rawData.byteLength;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
