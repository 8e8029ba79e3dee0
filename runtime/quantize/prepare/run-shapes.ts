/**
 * Shapes of inner values, from running the model: whatever size is not stated is fed as 2, so that a value which grows with the
 * batch is told from a constant one.
 */
import { create } from '@bufbuild/protobuf';
import { ValueInfoProtoSchema } from 'onnx-buf';
import { openSession } from '../../engine/session.ts';
import type { Graph, Model, ValueInfo } from '../../graph/model.ts';
import { encodeModel } from '../../graph/save.ts';
import type { Feeds, Tensor } from '../../graph/tensor.ts';

export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Shapes of all values of the main graph on these inputs. Opens a session. @throws what running throws. */
export async function shapesOn(model: Model, feeds: Feeds): Promise<Shapes> {
  const { graph } = model;
  const session = await openSession(encodeModel({ ...model, graph: exposed(graph) }), { level: 'disabled' });
  try {
    const results = await session.run(feeds);
    return new Map(Object.entries({ ...feeds, ...results }).map(([name, { dims }]: [string, Tensor]) => [name, dims]));
  } finally {
    await session.close();
  }
}

/** The graph with every value as an output. Types are left for ONNX Runtime to find. */
function exposed(graph: Graph): Graph {
  const present = new Set(graph.outputs.map(({ name }) => name));
  const computed = graph.nodes.flatMap(({ outputs }) => outputs).filter((name) => name && !present.has(name));
  return { ...graph, outputs: [...graph.outputs, ...computed.map(untyped)] };
}

function untyped(name: string): ValueInfo {
  return { name, type: undefined, dims: undefined, source: create(ValueInfoProtoSchema, { name }) };
}

/** The model with these shapes stated, for rules to ask about; not for saving. */
export function withShapes(model: Model, shapes: Shapes): Model {
  const valueInfo = [...shapes].map(([name, dims]) => ({ ...untyped(name), dims }));
  return { ...model, graph: { ...model.graph, valueInfo } };
}
