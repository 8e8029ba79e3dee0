/**
 * Element types as one table, and the plain tensor that every layer passes around. Nobody switches over a type: what
 * depends on it is a column here.
 */

type Typed =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Columns: the ONNX `TensorProto.DataType` number, bytes per element, and the array that holds it. */
export const elementTypes = {
  float32: { onnx: 1, bytes: 4, array: Float32Array },
  uint8: { onnx: 2, bytes: 1, array: Uint8Array },
  int8: { onnx: 3, bytes: 1, array: Int8Array },
  uint16: { onnx: 4, bytes: 2, array: Uint16Array },
  int16: { onnx: 5, bytes: 2, array: Int16Array },
  int32: { onnx: 6, bytes: 4, array: Int32Array },
  int64: { onnx: 7, bytes: 8, array: BigInt64Array },
  bool: { onnx: 9, bytes: 1, array: Uint8Array },
  /** Raw half-precision bits. */
  float16: { onnx: 10, bytes: 2, array: Uint16Array },
  float64: { onnx: 11, bytes: 8, array: Float64Array },
  uint32: { onnx: 12, bytes: 4, array: Uint32Array },
  uint64: { onnx: 13, bytes: 8, array: BigUint64Array },
} as const satisfies Record<string, { onnx: number; bytes: number; array: new (length: number) => Typed }>;

export type ElementType = keyof typeof elementTypes;

/** A dense row-major tensor. `data.length` equals the product of `dims`. */
export type Tensor<T extends ElementType = ElementType> = {
  readonly type: T;
  readonly dims: readonly number[];
  readonly data: InstanceType<(typeof elementTypes)[T]['array']>;
};

/** Tensors by input (or output) name: what one call of a session takes (or gives). */
export type Feeds = Readonly<Record<string, Tensor>>;

/** The element type of an ONNX data type number, or undefined for one outside the table (strings, float8, …). */
export function elementTypeOf(onnx: number): ElementType | undefined {
  return (Object.keys(elementTypes) as ElementType[]).find((type) => elementTypes[type].onnx === onnx);
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}
