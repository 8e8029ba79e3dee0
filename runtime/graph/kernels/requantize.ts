/**
 * From int32 accumulators back to the world: to the output's integers, or to float32. Both multiply in float32, because
 * ONNX Runtime does; a kernel with a fixed-point multiplier would differ in the last bit.
 */
import { integerFrom, integerRanges } from '../integers.ts';
import { type Float32Values, parameterIndex } from '../quantized-tensor.ts';
import { elementTypes, type Tensor } from '../tensor.ts';
import type { OutputParameters } from './kernel.ts';

/** `s_a · s_b`, or `s_a · s_b / s_y`: one float32 for each of the second operand's scales, rounded after each step. */
export function multipliers(scaleA: number, scalesB: Float32Values, scaleY?: number): Float32Values {
  return scalesB.map((scaleB) => {
    const product = Math.fround(scaleA * scaleB);
    return scaleY === undefined ? product : product / scaleY;
  });
}

/**
 * `y = clip(round(float(acc) · m) + z_y)`, ties to even.
 * @param axis that `multipliers` run along, when there is more than one.
 * Source: ONNX Runtime, core/mlas/lib/quantize.cpp, MlasRequantizeOutput.
 */
export function requantize(
  accumulators: Tensor<'int32'>,
  factors: Float32Values,
  axis: number,
  { type, zeroPoint }: Omit<OutputParameters, 'scale'>,
): Tensor {
  const scaled = scaleToFloat(accumulators, factors, axis);
  const data = new elementTypes[type].array(scaled.data.length);
  for (let i = 0; i < data.length; i++) data[i] = integerFrom(scaled.data[i]!, zeroPoint, integerRanges[type]);
  return { type, dims: accumulators.dims, data } as Tensor;
}

/** `float(acc) · m`: an accumulator beyond 2²⁴ is rounded to float32 before it is multiplied. */
export function scaleToFloat(
  { dims, data: sums }: Tensor<'int32'>,
  factors: Float32Values,
  axis: number,
): Tensor<'float32'> {
  const factorOf = parameterIndex(dims, factors.length === 1 ? {} : { axis });
  const data = Float32Array.from(sums, (sum, i) => Math.fround(sum) * factors[factorOf(i)]!);
  return { type: 'float32', dims, data };
}
