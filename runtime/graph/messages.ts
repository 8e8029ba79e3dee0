/**
 * Records ↔ protobuf messages. Writing starts from the message that a record was read from and changes only the fields
 * that differ from it, so that everything nobody looked at (unknown fields included) comes out as it went in.
 */
import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type OperatorSetIdProto,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from 'onnx-buf';
import { OctetError } from '../base/errors.ts';
import { changed, sameList } from './changed-message.ts';
import type { Attribute, AttributeValue, Graph, Model, Node, StoredTensor } from './model.ts';
import { elementTypeOf } from './tensor.ts';
import { valueInfoFromMessage, valueInfoToMessage } from './value-info.ts';

/** What reading needs to know beside the message. */
export type Origin = {
  /** For messages. */
  readonly origin: string;
  /** The folder that external data is relative to; undefined when there is none. */
  readonly folder: string | undefined;
};

/** @throws MODEL_INVALID when names that must be unique are not. */
export function modelFromMessage(source: ModelProto & { graph: GraphProto }, from: Origin): Model {
  return {
    graph: graphFromMessage(source.graph, from),
    irVersion: Number(source.irVersion),
    opsets: opsetsFromMessage(source.opsetImport),
    origin: from.origin,
    source,
  };
}

export function modelToMessage({ graph, irVersion, opsets, source }: Model): ModelProto {
  return changed(ModelProtoSchema, source, {
    graph: graphToMessage(graph),
    irVersion: Number(source.irVersion) === irVersion ? source.irVersion : BigInt(irVersion),
    opsetImport: opsetsToMessage(opsets, source.opsetImport),
  });
}

function graphFromMessage(source: GraphProto, from: Origin): Graph {
  const where = `${from.origin}: graph "${source.name}"`;
  const initializers = source.initializer.map((tensor) => storedFromMessage(tensor, from.folder));
  return {
    name: source.name,
    nodes: source.node.map((node) => nodeFromMessage(node, from)),
    inputs: source.input.map(valueInfoFromMessage),
    outputs: source.output.map(valueInfoFromMessage),
    initializers: mapByName(initializers, (tensor) => tensor.name, `${where}: initializers`),
    valueInfo: source.valueInfo.map(valueInfoFromMessage),
    source,
  };
}

function graphToMessage({ name, nodes, inputs, outputs, initializers, valueInfo, source }: Graph): GraphProto {
  const tensors = [...initializers].map(([key, tensor]) => storedToMessage({ ...tensor, name: key }));
  return changed(GraphProtoSchema, source, {
    name,
    node: sameList(nodes.map(nodeToMessage), source.node),
    initializer: sameList(tensors, source.initializer),
    input: sameList(inputs.map(valueInfoToMessage), source.input),
    output: sameList(outputs.map(valueInfoToMessage), source.output),
    valueInfo: sameList(valueInfo.map(valueInfoToMessage), source.valueInfo),
  });
}

function nodeFromMessage(source: NodeProto, from: Origin): Node {
  const where = `${from.origin}: node "${source.name}" (${source.opType})`;
  const attributes = source.attribute.map(
    (attribute) => [attribute.name, attributeFromMessage(attribute, from)] as const,
  );
  return {
    name: source.name,
    opType: source.opType,
    domain: plainDomain(source.domain),
    inputs: source.input,
    outputs: source.output,
    attributes: new Map(mapByName(attributes, ([name]) => name, `${where}: attributes`).values()),
    source,
  };
}

function nodeToMessage({ name, opType, domain, inputs, outputs, attributes, source }: Node): NodeProto {
  const written = [...attributes].map(([key, attribute]) => attributeToMessage(key, attribute));
  return changed(NodeProtoSchema, source, {
    name,
    opType,
    domain: domain === plainDomain(source.domain) ? source.domain : domain,
    input: sameList(inputs, source.input),
    output: sameList(outputs, source.output),
    attribute: sameList(written, source.attribute),
  });
}

/** By kind: the number of its type, and the field of the message that holds the value. */
const attributeFields = {
  float: { type: AttributeType.FLOAT, field: 'f' },
  int: { type: AttributeType.INT, field: 'i' },
  string: { type: AttributeType.STRING, field: 's' },
  tensor: { type: AttributeType.TENSOR, field: 't' },
  graph: { type: AttributeType.GRAPH, field: 'g' },
  floats: { type: AttributeType.FLOATS, field: 'floats' },
  ints: { type: AttributeType.INTS, field: 'ints' },
  strings: { type: AttributeType.STRINGS, field: 'strings' },
  graphs: { type: AttributeType.GRAPHS, field: 'graphs' },
} as const satisfies Record<Exclude<Attribute['kind'], 'other'>, { type: AttributeType; field: keyof AttributeProto }>;

function attributeFromMessage(source: AttributeProto, from: Origin): Attribute {
  return { ...attributeValue(source, from), source };
}

function attributeValue(source: AttributeProto, from: Origin): AttributeValue {
  if (source.refAttrName !== '') return { kind: 'other' };
  switch (source.type) {
    case AttributeType.FLOAT:
      return { kind: 'float', value: source.f };
    case AttributeType.INT:
      return { kind: 'int', value: source.i };
    case AttributeType.STRING:
      return { kind: 'string', value: source.s };
    case AttributeType.FLOATS:
      return { kind: 'floats', value: source.floats };
    case AttributeType.INTS:
      return { kind: 'ints', value: source.ints };
    case AttributeType.STRINGS:
      return { kind: 'strings', value: source.strings };
    case AttributeType.TENSOR:
      return source.t ? { kind: 'tensor', value: storedFromMessage(source.t, from.folder) } : { kind: 'other' };
    case AttributeType.GRAPH:
      return source.g ? { kind: 'graph', value: graphFromMessage(source.g, from) } : { kind: 'other' };
    case AttributeType.GRAPHS:
      return { kind: 'graphs', value: source.graphs.map((graph) => graphFromMessage(graph, from)) };
    default:
      return { kind: 'other' };
  }
}

function attributeToMessage(name: string, attribute: Attribute): AttributeProto {
  const source = attribute.source ?? create(AttributeProtoSchema);
  if (attribute.kind === 'other') return changed(AttributeProtoSchema, source, { name });
  const { type, field } = attributeFields[attribute.kind];
  return changed(AttributeProtoSchema, source, { name, type, [field]: messageValue(attribute, source) });
}

function messageValue(attribute: Exclude<AttributeValue, { kind: 'other' }>, source: AttributeProto): unknown {
  if (attribute.kind === 'tensor') return storedToMessage(attribute.value);
  if (attribute.kind === 'graph') return graphToMessage(attribute.value);
  if (attribute.kind === 'graphs') return sameList(attribute.value.map(graphToMessage), source.graphs);
  return attribute.value;
}

/** A tensor message as a record. `folder`: where its external data file, if it has one, lies. */
export function storedFromMessage(source: TensorProto, folder: string | undefined): StoredTensor {
  return {
    name: source.name,
    type: elementTypeOf(source.dataType),
    dims: source.dims.map(Number),
    folder,
    source,
  };
}

function storedToMessage({ name, source }: StoredTensor): TensorProto {
  return changed(TensorProtoSchema, source, { name });
}

function opsetsFromMessage(imports: readonly OperatorSetIdProto[]): ReadonlyMap<string, number> {
  return new Map(imports.map(({ domain, version }) => [plainDomain(domain), Number(version)]));
}

function opsetsToMessage(opsets: ReadonlyMap<string, number>, before: OperatorSetIdProto[]): OperatorSetIdProto[] {
  if (String([...opsets]) === String([...opsetsFromMessage(before)])) return before;
  return Array.from(opsets, ([domain, version]) =>
    create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
  );
}

function plainDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function mapByName<T>(values: readonly T[], nameOf: (value: T) => string, where: string): ReadonlyMap<string, T> {
  const byName = new Map(values.map((value) => [nameOf(value), value]));
  if (byName.size === values.length) return byName;
  const twice = values.find((value) => byName.get(nameOf(value)) !== value) as T;
  throw new OctetError('MODEL_INVALID', `${where}: expected unique names, got "${nameOf(twice)}" twice`, {
    hint: 'The exporter wrote a model that no runtime reads alike; export it again.',
  });
}
