/** A session of which any value can be asked for, not only the model's outputs: how to look inside a model. */
import { create } from '@bufbuild/protobuf';
import { ValueInfoProtoSchema } from 'onnx-buf';
import { openSession, type Session } from '../engine/session.ts';
import type { Model, ValueInfo } from '../graph/model.ts';
import { encodeModel } from '../graph/save.ts';

/**
 * The model with further values of its main graph as outputs, unoptimised, so that each value exists as it is written.
 * @param names values to be able to ask for; those that no node computes are ignored. Default: all.
 * @param quiet says nothing on stderr when a call fails.
 * @throws what `openSession` throws. Opens a session: a long-lived process leaves it to a child.
 */
export function openExposed(model: Model, names?: Iterable<string>, quiet = false): Promise<Session> {
  const { graph } = model;
  const present = new Set(graph.outputs.map(({ name }) => name));
  const computed = new Set(graph.nodes.flatMap(({ outputs }) => outputs).filter((name) => name && !present.has(name)));
  const wanted = names ? [...new Set(names)].filter((name) => computed.has(name)) : [...computed];
  const outputs = [...graph.outputs, ...wanted.map(untyped)];
  return openSession(encodeModel({ ...model, graph: { ...graph, outputs } }), { level: 'disabled', quiet });
}

/** Types are left for ONNX Runtime to find. */
export function untyped(name: string): ValueInfo {
  return { name, type: undefined, dims: undefined, source: create(ValueInfoProtoSchema, { name }) };
}
