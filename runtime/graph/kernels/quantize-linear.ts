/** The operators at the border between float and integers. */
import { intAttribute } from '../attributes.ts';
import { clamp, type IntegerType, integerRanges, roundHalfEven } from '../integers.ts';
import type { Node } from '../model.ts';
import { dequantize, type Granularity, type QuantizedTensor, quantize } from '../quantized-tensor.ts';
import type { Tensor } from '../tensor.ts';
import { axisFrom, type Inputs, inputAt, type Kernel, quantizedAt, scalesAt, zeroPointsAt } from './kernel.ts';

/**
 * (x, scale, zero point) → q, `clip(round(x / s) + z)`. `axis` (default 1) and `block_size` say what a vector of scales
 * stands for. ONNX QuantizeLinear-21.
 */
export const quantizeLinear: Kernel = (inputs, node) => {
  const x = inputAt(inputs, node, 0, ['float32']);
  const scale = scalesAt(inputs, node, 1);
  const type = (inputs[2]?.type ?? 'uint8') as IntegerType;
  const zeroPoint = inputs[2] ? zeroPointsAt(inputs, node, 2) : new Int32Array(scale.length);
  return [quantize(x, type, { scale, zeroPoint, ...granularity(node, x, scale.length) }).tensor];
};

/** (q, scale, zero point) → x, `(q − z) · s`. ONNX DequantizeLinear-21. */
export const dequantizeLinear: Kernel = (inputs, node) => {
  const quantized = quantizedAt(inputs, node, 0);
  return [dequantize({ ...quantized, ...granularity(node, quantized.tensor, quantized.scale.length) })];
};

/** (x) → (q uint8, scale, zero point), from the range of `x` itself. ONNX DynamicQuantizeLinear-11. */
export const dynamicQuantizeLinear: Kernel = (inputs, node) => {
  const { tensor, scale, zeroPoint } = quantizeDynamically(inputs, node, 0);
  return [
    tensor,
    { type: 'float32', dims: [], data: scale },
    { type: 'uint8', dims: [], data: Uint8Array.from(zeroPoint) },
  ];
};

/**
 * [min, max] widened to 0; `s = (max − min) / 255` (1 for an empty range), `z = round(clip(0 − min / s))`; each step in float32.
 * Source: ONNX Runtime, core/util/qmath.h, GetQuantizationParameter.
 */
export function quantizeDynamically(inputs: Inputs, node: Node, at: number): QuantizedTensor<'uint8'> {
  const x = inputAt(inputs, node, at, ['float32']);
  const min = x.data.reduce((least, value) => Math.min(least, value), 0);
  const max = x.data.reduce((most, value) => Math.max(most, value), 0);
  const scale = max === min ? 1 : Math.fround(Math.fround(max - min) / 255);
  const zeroPoint = roundHalfEven(clamp(-Math.fround(min / scale), integerRanges.uint8));
  return quantize(x, 'uint8', { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint) });
}

function granularity(node: Node, { dims }: Tensor, parameterCount: number): Granularity {
  if (parameterCount === 1) return {};
  const blockSize = intAttribute(node, 'block_size', 0);
  return { axis: axisFrom(intAttribute(node, 'axis', 1), dims.length), blockSize: blockSize || undefined };
}
