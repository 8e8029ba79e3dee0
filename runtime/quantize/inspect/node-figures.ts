/** Each node in figures: what it gives, the weights it holds, its arithmetic. Shapes come from running the model once. */
import { constantOf } from '../../graph/initializer.ts';
import type { Graph, Model, Node, StoredTensor } from '../../graph/model.ts';
import { elementCount, elementTypes, type Feeds, type Tensor } from '../../graph/tensor.ts';
import { openExposed } from './exposed-session.ts';
import { multiplyAdds } from './multiply-adds.ts';
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

export type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * Shapes of the main graph's values on these inputs. Empty when the model does not run on them: figures then lack what
 * depends on shapes, which is no reason to refuse the rest.
 */
export async function shapesOn(model: Model, feeds: Feeds): Promise<Shapes> {
  const session = await openExposed(model);
  try {
    const readable = session.outputs.filter(({ type }) => type !== undefined).map(({ name }) => name);
    const values: Record<string, Tensor> = { ...feeds, ...(await session.run(feeds, readable)) };
    return new Map(Object.entries(values).map(([name, { dims }]) => [name, dims]));
  } catch {
    return new Map();
  } finally {
    await session.close();
  }
}

/** One row per node of the main graph, in order of execution, constants left out. */
export function nodeFigures({ graph }: Model, shapes: Shapes): NodeFigures[] {
  const dimsOf = (name: string) => shapes.get(name) ?? graph.initializers.get(name)?.dims;
  return graph.nodes
    .filter(({ opType }) => opType !== 'Constant')
    .map((node) => {
      const constants = constantsOf(node, graph);
      return {
        node: nodeName(node),
        opType: node.opType,
        output: shapes.get(node.outputs.find(Boolean) ?? '') ?? null,
        parameters: sum(constants.map(({ dims }) => elementCount(dims))),
        weightBytes: sum(constants.map(sizeOf)),
        multiplyAdds: multiplyAdds(node, dimsOf) ?? null,
      };
    });
}

function constantsOf({ inputs }: Node, graph: Graph): readonly StoredTensor[] {
  return [...new Set(inputs)].flatMap((name) => (name && constantOf(graph, name)) || []);
}

/** Types outside the table (strings, int4) take what the file says. */
function sizeOf({ type, dims, source }: StoredTensor): number {
  return type ? elementCount(dims) * elementTypes[type].bytes : source.rawData.byteLength;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
