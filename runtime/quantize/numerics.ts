/**
 * The arithmetic of affine int8 quantisation, `real = scale · (q − zeroPoint)`, step by step as onnxruntime.quantization 1.30
 * computes it (which precision, which rounding), so that the same ranges give the same scales and zero points.
 */
import { OctetError } from '../base/errors.ts';
import { clamp, integerRanges, roundHalfEven } from '../graph/integers.ts';
import { type Float32Values, quantize, sliceShape } from '../graph/quantized-tensor.ts';
import type { Tensor } from '../graph/tensor.ts';

export type ActivationType = 'uint8' | 'int8' | 'uint16' | 'int16';

export type Range = { readonly min: number; readonly max: number };

/** Parameters of a tensor that is quantised as a whole. `scale` is a float32 value. */
export type QuantParams = { readonly type: ActivationType; readonly scale: number; readonly zeroPoint: number };

/** A symmetric int8 weight: zero point 0, one scale, or one for each index of `axis`. */
export type QuantizedWeight = {
  readonly values: Tensor<'int8'>;
  readonly scales: Float32Values;
  readonly axis: number | undefined;
};

/** Symmetric weights leave -128 out, so that the range is the same on both sides of zero. */
const wholeSteps = 127;
/** Two products with 255 stay below 2^15. */
const reducedSteps = 64;
const smallestNormalFloat32 = 2 ** -126;

/**
 * Scale and zero point of [min, max], widened to contain zero, which stays exact: padding and Relu need it.
 * A range too narrow for float32 (constant zero, an empty tensor) gets scale 1.
 * @throws QUANT_RANGE when min or max is not finite, or min > max. Source: Jacob et al. 2018, eq. 1; ONNX QuantizeLinear-13.
 */
export function affineParams({ min, max }: Range, type: ActivationType): QuantParams {
  if (!(Number.isFinite(min) && Number.isFinite(max) && min <= max))
    throw new OctetError('QUANT_RANGE', `range: expected finite min <= max, got [${min}, ${max}]`);
  const low = Math.fround(Math.min(min, 0));
  const high = Math.fround(Math.max(max, 0));
  const { min: least, max: greatest } = integerRanges[type];
  // The difference is taken in float32, the division in float64, and only then the scale is rounded to float32.
  const scale = Math.fround(high - low) / (greatest - least);
  if (scale < smallestNormalFloat32) return { type, scale: 1, zeroPoint: 0 };
  return { type, scale: Math.fround(scale), zeroPoint: roundHalfEven(least - low / scale) };
}

/**
 * The same range with fewer levels: how narrower integers are simulated in 8 bits.
 * @returns scale, and zero point counted from the least level.
 */
export function levelsOf({ type, scale, zeroPoint }: QuantParams, steps: number): { scale: number; zeroPoint: number } {
  const { min, max } = integerRanges[type];
  const fewer = steps / (max - min);
  if (fewer === 1) return { scale, zeroPoint: zeroPoint - min };
  return { scale: Math.fround(scale / fewer), zeroPoint: Math.round((zeroPoint - min) * fewer) };
}

/** What the quantised values can represent: the ends of the range after rounding. */
export function representableRange({ type, scale, zeroPoint }: QuantParams): Range {
  const { min, max } = integerRanges[type];
  return { min: scale * (min - zeroPoint), max: scale * (max - zeroPoint) };
}

/** Quantises float32 values with one scale: `clip(round(x / scale) + zeroPoint)`, the quotient in float32. */
export function quantizeTensor(tensor: Tensor<'float32'>, params: QuantParams): Tensor<ActivationType> {
  const { type, scale, zeroPoint } = params;
  return quantize(tensor, type, { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint) }).tensor;
}

/** The largest magnitude of each slice along `axis` (of the whole tensor when undefined). */
export function absoluteMaxima({ dims, data }: Tensor<'float32'>, axis: number | undefined): Float32Values {
  const { channels, inner } = sliceShape(dims, axis);
  const maxima = new Float32Array(channels);
  for (let i = 0; i < data.length; i++) {
    const channel = Math.floor(i / inner) % channels;
    const magnitude = Math.abs(data[i]!);
    if (magnitude > maxima[channel]!) maxima[channel] = magnitude;
  }
  return maxima;
}

/**
 * Steps on each side of zero that a symmetric int8 weight has. Source: onnxruntime.quantization 1.30, `ONNX_INT_TYPE_SYMMETRIC_RANGE`,
 * `ONNX_INT_TYPE_REDUCED_RANGE`.
 */
export function weightSteps({ reduceRange }: { readonly reduceRange: boolean }): number {
  return reduceRange ? reducedSteps : wholeSteps;
}

/** The symmetric scale of each largest magnitude; an all-zero slice gets 1. @param steps on each side of zero. */
export function symmetricScales(maxima: Float32Values, steps: number = wholeSteps): Float32Values {
  return maxima.map((maximum) => {
    const scale = Math.fround(2 * maximum) / (2 * steps);
    return scale < smallestNormalFloat32 ? 1 : scale;
  });
}

/** Quantises a weight with one scale for each slice along `axis`, or one scale in all. */
export function quantizeWeight(
  weight: Tensor<'float32'>,
  scales: Float32Values,
  axis: number | undefined,
): QuantizedWeight {
  const { tensor } = quantize(weight, 'int8', { scale: scales, zeroPoint: new Int32Array(scales.length), axis });
  return { values: tensor, scales, axis };
}

/**
 * The scales of a bias: `inputScale · weightScale` for each channel, in float32.
 * Source: Jacob et al. 2018, eq. 11: the bias is added to the int32 accumulator, so it must share its scale.
 */
export function biasScales(inputScale: number, weightScales: Float32Values): Float32Values {
  return weightScales.map((scale) => inputScale * scale);
}

/** Quantises a bias to int32, saturating. `scales` holds one scale for each element, or one in all. */
export function quantizeBias(bias: Float32Values, scales: Float32Values): Int32Array<ArrayBuffer> {
  return Int32Array.from(bias, (value, i) => {
    const scale = scales.length === 1 ? scales[0]! : scales[i]!;
    return roundHalfEven(clamp(value / scale, integerRanges.int32));
  });
}

/**
 * Weight scales large enough for the bias to fit into int32: a channel whose weights are almost zero but whose bias is not
 * (common after BatchNorm folding) would otherwise saturate its bias. Scales that suffice are returned as they are.
 */
export function scalesThatFitBias(scales: Float32Values, inputScale: number, bias: Float32Values): Float32Values {
  // A hair (1.0001) more than what maps ±|b| onto the 2³² − 2 steps of a symmetric int32.
  const smallestFor = (magnitude: number) => (1.0001 * 2 * magnitude) / (2 ** 32 - 2);
  const whole = bias.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return scales.map((scale, i) => {
    const smallest = smallestFor(scales.length === 1 ? whole : Math.abs(bias[i]!));
    const candidate = inputScale * scale;
    return candidate > 0 && candidate < smallest ? scale * (smallest / candidate) : scale;
  });
}
