/**
 * Stored tensors ↔ plain tensors. A stored tensor's values are in `raw_data` (then a view is enough), in one of the
 * typed lists, or in a file beside the model; which one is decided here and nowhere else.
 */
import { create } from '@bufbuild/protobuf';
import { TensorProto_DataLocation as DataLocation, type TensorProto, TensorProtoSchema } from 'onnx-buf';
import { OctetError } from '../base/errors.ts';
import { externalChunks, readExternalData } from './external-data.ts';
import type { Graph, Node, StoredTensor } from './model.ts';
import { type ElementType, elementCount, elementTypes, type Tensor } from './tensor.ts';

/**
 * The values. For raw data a view of the model's bytes where alignment allows, so treat them as read-only.
 * @throws MODEL_UNSUPPORTED for an element type outside the table; MODEL_INVALID when there are more or fewer values
 * than the dims say; FILE_* when an external data file cannot be read.
 */
export function readTensor(stored: StoredTensor): Tensor {
  const { type, dims, source } = stored;
  if (type === undefined)
    throw new OctetError(
      'MODEL_UNSUPPORTED',
      `tensor "${stored.name}": expected one of ${Object.keys(elementTypes).join(', ')}, got ONNX data type ${source.dataType}`,
    );
  const data = hasTypedValues(source) ? typedValues(type, source) : valuesOfBytes(type, bytesOf(stored), stored.name);
  if (data.length !== elementCount(dims))
    throw new OctetError(
      'MODEL_INVALID',
      `tensor "${stored.name}": expected ${elementCount(dims)} values for dims [${dims}], got ${data.length}`,
    );
  return { type, dims, data } as Tensor;
}

/** A tensor as one to put into a graph. Keeps `tensor.data`'s memory; do not change it afterwards. */
export function storeTensor(name: string, tensor: Tensor): StoredTensor {
  const { type, dims, data } = tensor;
  const source = create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: elementTypes[type].onnx,
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
  return { name, type, dims, folder: undefined, source };
}

/**
 * The tensor that a `Constant` node yields, whichever attribute states it; undefined for another node, and for strings
 * and sparse values. Source: ONNX Constant-13.
 */
export function constantValue(node: Node): StoredTensor | undefined {
  if (node.opType !== 'Constant' || node.domain !== '') return undefined;
  const [name = ''] = node.outputs;
  for (const [key, attribute] of node.attributes) {
    if (key === 'value' && attribute.kind === 'tensor') return { ...attribute.value, name };
    const scalar = scalarOrList(attribute.kind === 'other' ? undefined : attribute.value);
    if (key.startsWith('value_') && scalar) return storeTensor(name, scalar);
  }
  return undefined;
}

/**
 * The values that never change from call to call under `name`: an initializer that is no input, or a `Constant`'s output.
 * Undefined for a computed value, and for element types outside the table.
 */
export function constantTensor(graph: Graph, name: string): Tensor | undefined {
  const stored = constantOf(graph, name);
  return stored?.type === undefined ? undefined : readTensor(stored);
}

/** Like `constantTensor`, without reading the values. */
export function constantOf(graph: Graph, name: string): StoredTensor | undefined {
  const initializer = graph.initializers.get(name);
  // An initializer that is also an input is only that input's default: the caller may pass another value.
  if (initializer) return graph.inputs.some((input) => input.name === name) ? undefined : initializer;
  const producer = graph.nodes.find((node) => node.opType === 'Constant' && node.outputs[0] === name);
  return producer && constantValue(producer);
}

/** Bytes of the values as they are stored: little-endian, row-major. Only for tensors without typed values. */
export function bytesOf({ name, folder, source }: StoredTensor): Uint8Array {
  if (source.dataLocation !== DataLocation.EXTERNAL) return source.rawData;
  return readExternalData(name, externalEntries(source), folder);
}

/** Whether the values are bytes, here or in a file beside the model, rather than a typed list. */
export function isRaw({ source }: StoredTensor): boolean {
  return !hasTypedValues(source);
}

/** The same in pieces; values in a file beside the model are never all in memory. */
export function chunksOf({ name, folder, source }: StoredTensor): Iterable<Uint8Array> {
  return source.dataLocation === DataLocation.EXTERNAL
    ? externalChunks(name, externalEntries(source), folder)
    : [source.rawData];
}

function externalEntries(source: TensorProto): ReadonlyMap<string, string> {
  return new Map(source.externalData.map(({ key, value }) => [key, value]));
}

/** Bytes that the dims call for; undefined for element types outside the table. */
export function expectedBytes({ type, dims }: StoredTensor): number | undefined {
  return type === undefined ? undefined : elementCount(dims) * elementTypes[type].bytes;
}

/** Bytes that the values inside the model make up, without reading them. Only for element types of the table. */
export function storedBytes({ type, source }: StoredTensor): number {
  if (type === undefined || !hasTypedValues(source)) return source.rawData.byteLength;
  return source[typedLists[type]].length * elementTypes[type].bytes;
}

type Values = Tensor['data'];

function hasTypedValues(source: TensorProto): boolean {
  const { floatData, int32Data, int64Data, doubleData, uint64Data } = source;
  return [floatData, int32Data, int64Data, doubleData, uint64Data].some((list) => list.length > 0);
}

/** Which list holds which element type. Source: onnx.proto, TensorProto (int32_data also holds the narrower ones). */
const typedLists = {
  float32: 'floatData',
  float64: 'doubleData',
  int64: 'int64Data',
  uint64: 'uint64Data',
  uint32: 'uint64Data',
  int32: 'int32Data',
  int16: 'int32Data',
  uint16: 'int32Data',
  int8: 'int32Data',
  uint8: 'int32Data',
  bool: 'int32Data',
  float16: 'int32Data',
} as const satisfies Record<ElementType, keyof TensorProto>;

function typedValues(type: ElementType, source: TensorProto): Values {
  const list: readonly (number | bigint)[] = source[typedLists[type]];
  const values = new elementTypes[type].array(list.length);
  const convert = values instanceof BigInt64Array || values instanceof BigUint64Array ? BigInt : Number;
  list.forEach((value, index) => {
    values[index] = convert(value);
  });
  return values;
}

function valuesOfBytes(type: ElementType, bytes: Uint8Array, name: string): Values {
  const { bytes: width, array } = elementTypes[type];
  if (bytes.byteLength % width !== 0)
    throw new OctetError(
      'MODEL_INVALID',
      `tensor "${name}": expected a multiple of ${width} bytes (${type}), got ${bytes.byteLength}`,
    );
  // A typed array must start at a multiple of its element's width; protobuf does not align.
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  return new array(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / width);
}

function scalarOrList(value: unknown): Tensor | undefined {
  const isList = Array.isArray(value);
  const values: unknown[] = isList ? value : [value];
  const dims = isList ? [values.length] : [];
  if (values.every((each) => typeof each === 'bigint'))
    return { type: 'int64', dims, data: BigInt64Array.from(values) };
  if (values.every((each) => typeof each === 'number'))
    return { type: 'float32', dims, data: Float32Array.from(values) };
  return undefined;
}
