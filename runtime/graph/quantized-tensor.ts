/**
 * A tensor of integers together with what they stand for, `real = scale · (q − zeroPoint)`. One pair of parameters serves
 * the whole tensor, or each slice along an axis, or each block of a slice; `parameterIndex` is the only place that
 * knows which.
 */
import { type IntegerType, integerFrom, integerRanges } from './integers.ts';
import { elementCount, elementTypes, type Tensor } from './tensor.ts';

export type Float32Values = Tensor<'float32'>['data'];

/** How finely a tensor is quantised: as a whole, per index of `axis`, or per `blockSize` indices along `axis`. */
export type Granularity = {
  /** From 0. Undefined: one pair of parameters for the whole tensor. */
  readonly axis?: number | undefined;
  readonly blockSize?: number | undefined;
};

export type QuantizationParameters = Granularity & {
  /** One value; one for each index of `axis`; or, in blocks, the tensor's own shape with `axis` divided by the block. */
  readonly scale: Float32Values;
  /** As many as `scale`. */
  readonly zeroPoint: Int32Array<ArrayBuffer>;
};

export type QuantizedTensor<T extends IntegerType = IntegerType> = QuantizationParameters & {
  readonly tensor: Tensor<T>;
};

/**
 * `q = clip(round(x / scale) + zeroPoint)`, the quotient in float32, ties to even.
 * Source: ONNX QuantizeLinear-21; ONNX Runtime, core/mlas/lib/quantize.cpp.
 */
export function quantize<T extends IntegerType>(
  { dims, data }: Tensor<'float32'>,
  type: T,
  parameters: QuantizationParameters,
): QuantizedTensor<T> {
  const { scale, zeroPoint } = parameters;
  const range = integerRanges[type];
  const values = new elementTypes[type].array(data.length);
  forEachRun(dims, parameters, (p, start, end) => {
    for (let i = start; i < end; i++) values[i] = integerFrom(Math.fround(data[i]! / scale[p]!), zeroPoint[p]!, range);
  });
  return { ...parameters, tensor: { type, dims, data: values } as Tensor<T> };
}

/**
 * `x = (q − zeroPoint) · scale`; the difference is taken in int32, then both factors and the product are float32.
 * Source: ONNX DequantizeLinear-21; ONNX Runtime, core/providers/cpu/quantization/quantize_linear.cc.
 */
export function dequantize(quantized: QuantizedTensor): Tensor<'float32'> {
  const { tensor, scale, zeroPoint } = quantized;
  const data = new Float32Array(tensor.data.length);
  forEachRun(tensor.dims, quantized, (p, start, end) => {
    for (let i = start; i < end; i++) data[i] = Math.fround(tensor.data[i]! - zeroPoint[p]!) * scale[p]!;
  });
  return { type: 'float32', dims: tensor.dims, data };
}

/** Which scale and zero point belong to the element at a flat index. */
export function parameterIndex(
  dims: readonly number[],
  { axis, blockSize }: Granularity,
): (elementIndex: number) => number {
  if (axis === undefined) return () => 0;
  const { channels, inner } = sliceShape(dims, axis);
  if (blockSize === undefined) return (i) => Math.floor(i / inner) % channels;
  const blocks = Math.ceil(channels / blockSize);
  return (i) => {
    const outer = Math.floor(i / (inner * channels));
    const block = Math.floor((Math.floor(i / inner) % channels) / blockSize);
    return (outer * blocks + block) * inner + (i % inner);
  };
}

/** Neighbours in memory that share their parameters: weights have millions of elements, but few runs. */
function forEachRun(
  dims: readonly number[],
  granularity: Granularity,
  visit: (parameter: number, start: number, end: number) => void,
): void {
  const indexOf = parameterIndex(dims, granularity);
  const count = elementCount(dims);
  const { axis, blockSize } = granularity;
  const length = axis === undefined ? count : blockSize === undefined ? sliceShape(dims, axis).inner : 1;
  for (let start = 0; start < count; start += length) visit(indexOf(start), start, start + length);
}

/** Slices along `axis`: how many, and how many neighbours in memory belong to the same one. */
export function sliceShape(dims: readonly number[], axis: number | undefined): { channels: number; inner: number } {
  if (axis === undefined) return { channels: 1, inner: 1 };
  return { channels: dims[axis]!, inner: dims.slice(axis + 1).reduce((product, size) => product * size, 1) };
}
