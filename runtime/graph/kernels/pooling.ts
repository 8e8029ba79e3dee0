/** Pools of integers. */
import { intAttribute, intsAttribute } from '../attributes.ts';
import { clamp, integerRanges, roundHalfEven } from '../integers.ts';
import type { Node } from '../model.ts';
import { dequantize, type QuantizedTensor } from '../quantized-tensor.ts';
import { elementCount, elementTypes, type Tensor } from '../tensor.ts';
import { inEitherLayout } from './channels-last.ts';
import {
  integersAt,
  type Kernel,
  kernelError,
  type OutputParameters,
  outputAt,
  quantizedAt,
  unsupportedError,
} from './kernel.ts';
import { requantize } from './requantize.ts';
import { windowsOf } from './windows.ts';

/** What one element of the result sees: the values under its window, and the taps with those over the padding. */
type Seen = { readonly values: readonly number[]; readonly tapCount: number };

/** (x [N, C, …]) → y [N, C, …], the largest integer in each window, the padding left out. ONNX MaxPool-12; no `Indices`. */
export const maxPool: Kernel = (inputs, node) => {
  if (node.outputs.length > 1) throw unsupportedError(node, 'expected one output, got Indices too');
  const x = integersAt(inputs, node, 0);
  const { dims, seen } = look(x, node);
  const data = new elementTypes[x.type].array(seen.length);
  for (const [i, { values }] of seen.entries()) data[i] = Math.max(...values);
  return [{ type: x.type, dims, data } as Tensor];
};

/**
 * (x, s, z, y scale, y zero point) → y, `clip(round(mean(s(x − z)) / s_y + z_y))`, summed in float32 in the order of memory; the
 * padding counts only with `count_include_pad`. A window as large as the plane is a global pool, which rounds otherwise.
 * ONNX Runtime, contrib_ops/cpu/quantization/qlinear_pool.cc.
 */
export const qLinearAveragePool: Kernel = inEitherLayout((inputs, node) => {
  const x = quantizedAt(inputs, node, 0);
  const y = outputAt(inputs, node, { scale: 3, zeroPoint: 4 }, x.tensor.type);
  const { dims, seen } = look(dequantize(x), node);
  const planeSize = elementCount(x.tensor.dims.slice(2));
  if (seen.every(({ values, tapCount }) => values.length === planeSize && tapCount === planeSize))
    return [globalAverage(x, y)];
  const countsPadding = intAttribute(node, 'count_include_pad', 0) !== 0;
  const data = new elementTypes[y.type].array(seen.length);
  for (const [i, { values, tapCount }] of seen.entries()) {
    const sum = values.reduce((total, value) => Math.fround(total + value), 0);
    const mean = Math.fround(sum / (countsPadding ? tapCount : values.length));
    const value = Math.fround(Math.fround(mean / y.scale) + y.zeroPoint);
    data[i] = clamp(roundHalfEven(value), integerRanges[y.type]);
  }
  return [{ type: y.type, dims, data } as Tensor];
});

/**
 * (x [N, C, …], s, z, y scale, y zero point) → y [N, C, 1, …], `clip(round(Σ(x − z) · m) + z_y)`, `m = s / (s_y · size)`.
 * ONNX Runtime, core/mlas/lib/qlgavgpool.cpp.
 */
export const qLinearGlobalAveragePool: Kernel = inEitherLayout((inputs, node) => {
  const x = quantizedAt(inputs, node, 0);
  return [globalAverage(x, outputAt(inputs, node, { scale: 3, zeroPoint: 4 }, x.tensor.type))];
});

function globalAverage({ tensor, scale, zeroPoint }: QuantizedTensor, y: OutputParameters): Tensor {
  const [batch = 1, channels = 1, ...plane] = tensor.dims;
  const size = elementCount(plane);
  const sums = new Int32Array(batch * channels);
  for (const [i, value] of tensor.data.entries()) sums[Math.floor(i / size)]! += value - zeroPoint[0]!;
  const dims = [batch, channels, ...plane.map(() => 1)];
  const factor = Math.fround(scale[0]! / Math.fround(y.scale * size));
  return requantize({ type: 'int32', dims, data: sums }, Float32Array.of(factor), 0, y);
}

function look(x: Tensor, node: Node): { readonly dims: readonly number[]; readonly seen: readonly Seen[] } {
  const kernel = intsAttribute(node, 'kernel_shape');
  if (!kernel) throw kernelError(node, 'attribute kernel_shape: expected ints, got nothing');
  const [batch = 1, channels = 1, ...plane] = x.dims;
  const windows = windowsOf(node, plane, kernel);
  const positions = elementCount(windows.outputDims);
  const seen = Array.from({ length: batch * channels * positions }, (_, i) => {
    const start = Math.floor(i / positions) * elementCount(plane);
    const taps = Array.from(windows.tapsAt(i % positions)).filter((offset) => offset >= 0);
    return { values: taps.map((offset) => Number(x.data[start + offset])), tapCount: windows.tapCount };
  });
  return { dims: [batch, channels, ...windows.outputDims], seen };
}
