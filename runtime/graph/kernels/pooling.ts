/** Pools of integers. */
import { intAttribute, intsAttribute } from '../attributes.ts';
import { clamp, integerRanges, roundHalfEven } from '../integers.ts';
import type { Node } from '../model.ts';
import { dequantize } from '../quantized-tensor.ts';
import { elementCount, elementTypes, type Tensor } from '../tensor.ts';
import { integersAt, type Kernel, kernelError, outputAt, quantizedAt, unsupportedError } from './kernel.ts';
import { multipliers, requantize } from './requantize.ts';
import { windowsOf } from './windows.ts';

/** (x [N, C, …]) → y [N, C, …], the largest integer in each window, the padding left out. ONNX MaxPool-12; no `Indices`. */
export const maxPool: Kernel = (inputs, node) => {
  if (node.outputs.length > 1) throw unsupportedError(node, 'expected one output, got Indices too');
  const x = integersAt(inputs, node, 0);
  const { dims, planes } = pool(x, node);
  const data = new elementTypes[x.type].array(planes.length);
  for (const [i, { values }] of planes.entries()) data[i] = Math.max(...values);
  return [{ type: x.type, dims, data } as Tensor];
};

/**
 * (x, s, z, y scale, y zero point) → y, `clip(round(mean(s(x − z)) / s_y + z_y))`, summed in float32 in the order of memory; the padding
 * counts only with `count_include_pad`. ONNX Runtime, contrib_ops/cpu/quantization/qlinear_pool.cc.
 */
export const qLinearAveragePool: Kernel = (inputs, node) => {
  refuseChannelsLast(node);
  const x = quantizedAt(inputs, node, 0);
  const y = outputAt(inputs, node, { scale: 3, zeroPoint: 4 }, x.tensor.type);
  const { dims, planes } = pool(dequantize(x), node);
  const countsPadding = intAttribute(node, 'count_include_pad', 0) !== 0;
  const data = new elementTypes[y.type].array(planes.length);
  for (const [i, { values, tapCount }] of planes.entries()) {
    const sum = values.reduce((total, value) => Math.fround(total + value), 0);
    const mean = Math.fround(sum / (countsPadding ? tapCount : values.length));
    const value = Math.fround(Math.fround(mean / y.scale) + y.zeroPoint);
    data[i] = clamp(roundHalfEven(value), integerRanges[y.type]);
  }
  return [{ type: y.type, dims, data } as Tensor];
};

/**
 * (x [N, C, …], s, z, y scale, y zero point) → y [N, C, 1, …], `clip(round(Σ(x − z) · m) + z_y)`, `m = s / (s_y · size)`.
 * ONNX Runtime, core/mlas/lib/qlgavgpool.cpp.
 */
export const qLinearGlobalAveragePool: Kernel = (inputs, node) => {
  refuseChannelsLast(node);
  const { tensor, scale, zeroPoint } = quantizedAt(inputs, node, 0);
  const y = outputAt(inputs, node, { scale: 3, zeroPoint: 4 }, tensor.type);
  const [batch = 1, channels = 1, ...plane] = tensor.dims;
  const size = elementCount(plane);
  const sums = new Int32Array(batch * channels);
  for (const [i, value] of tensor.data.entries()) sums[Math.floor(i / size)]! += value - zeroPoint[0]!;
  const dims = [batch, channels, ...plane.map(() => 1)];
  const factor = multipliers(scale[0]!, Float32Array.of(1), Math.fround(y.scale * size));
  return [requantize({ type: 'int32', dims, data: sums }, factor, 0, y)];
};

/** For each element of the result: the values under its window, and its number of taps with those over the padding. */
function pool(x: Tensor, node: Node): { dims: readonly number[]; planes: { values: number[]; tapCount: number }[] } {
  const kernel = intsAttribute(node, 'kernel_shape');
  if (!kernel) throw kernelError(node, 'attribute kernel_shape: expected ints, got nothing');
  const [batch = 1, channels = 1, ...plane] = x.dims;
  const windows = windowsOf(node, plane, kernel);
  const positions = elementCount(windows.outputDims);
  const planes = Array.from({ length: batch * channels * positions }, (_, i) => {
    const start = Math.floor(i / positions) * elementCount(plane);
    const taps = Array.from(windows.tapsAt(i % positions)).filter((offset) => offset >= 0);
    return { values: taps.map((offset) => Number(x.data[start + offset])), tapCount: windows.tapCount };
  });
  return { dims: [batch, channels, ...windows.outputDims], planes };
}

function refuseChannelsLast(node: Node): void {
  if (intAttribute(node, 'channels_last', 0) !== 0) throw unsupportedError(node, 'expected channels_last 0, got 1');
}
