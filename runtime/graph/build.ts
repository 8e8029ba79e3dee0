/** Constructors for graphs made by passes and tests. */
import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, NodeProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { storeTensor } from './initializer.ts';
import type { Attribute, Dim, Graph, Model, Node, StoredTensor, ValueInfo } from './model.ts';
import type { ElementType, Tensor } from './tensor.ts';

/** `opType` may carry a domain: `com.microsoft:QLinearAdd`. Attributes: see attributes.ts (`{ axis: int(1) }`). */
export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
  name = '',
): Node {
  const [domain, type] = opType.includes(':') ? (opType.split(':') as [string, string]) : ['', opType];
  return {
    name,
    opType: type,
    domain,
    inputs,
    outputs,
    attributes: new Map(Object.entries(attributes)),
    source: create(NodeProtoSchema),
  };
}

/** `dims` left out: of unknown rank. */
export function valueInfo(name: string, type: ElementType, dims?: readonly Dim[]): ValueInfo {
  return { name, type, dims, source: create(ValueInfoProtoSchema) };
}

export type GraphParts = {
  readonly name?: string;
  readonly nodes: readonly Node[];
  readonly inputs?: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers?: Readonly<Record<string, Tensor>> | readonly StoredTensor[];
};

export function graphOf({ name = 'graph', nodes, inputs = [], outputs, initializers = [] }: GraphParts): Graph {
  const stored = Array.isArray(initializers)
    ? (initializers as readonly StoredTensor[])
    : Object.entries(initializers as Record<string, Tensor>).map(([key, tensor]) => storeTensor(key, tensor));
  return {
    name,
    nodes,
    inputs,
    outputs,
    initializers: new Map(stored.map((tensor) => [tensor.name, tensor])),
    valueInfo: [],
    source: create(GraphProtoSchema),
  };
}

/** @param opsets version by domain, `{ '': 17 }`; @param irVersion 8 is the oldest that has all of opsets 7 to 18. */
export function modelOf(graph: Graph, opsets: Readonly<Record<string, number>> = { '': 17 }, irVersion = 8): Model {
  return {
    graph,
    irVersion,
    opsets: new Map(Object.entries(opsets)),
    origin: 'built',
    source: create(ModelProtoSchema, { producerName: 'octet' }),
  };
}

export function float32(dims: readonly number[], values: Iterable<number>): Tensor<'float32'> {
  return { type: 'float32', dims, data: Float32Array.from(values) };
}

export function int64(dims: readonly number[], values: Iterable<number | bigint>): Tensor<'int64'> {
  return { type: 'int64', dims, data: BigInt64Array.from(Array.from(values, BigInt)) };
}
