/**
 * The sum that every integer kernel makes: products of integers with their zero points taken off, added up in int32. A
 * matrix's row, its column and a convolution's patch are all the same thing here: a strided view.
 */
import { parameterIndex } from '../quantized-tensor.ts';
import type { Tensor } from '../tensor.ts';

/** `length` values, `stride` apart from `offset` on. */
export type View = {
  readonly data: ArrayLike<number>;
  readonly offset: number;
  readonly stride: number;
  readonly zeroPoint: number;
};

/**
 * `Σₖ (a[k] − zₐ)(b[k] − z_b)`, wrapped to int32 as the hardware's accumulators wrap.
 * The products are summed in float64, where every step is exact as long as 2³⁷ of them do not come together.
 */
export function dotProduct(a: View, b: View, length: number): number {
  let sum = 0;
  for (let k = 0; k < length; k++)
    sum += (a.data[a.offset + k * a.stride]! - a.zeroPoint) * (b.data[b.offset + k * b.stride]! - b.zeroPoint);
  return sum | 0;
}

/** Adds one bias for each index of `axis`, wrapping. */
export function addBias(
  accumulators: Tensor<'int32'>,
  bias: Tensor<'int32'> | undefined,
  axis: number,
): Tensor<'int32'> {
  if (!bias) return accumulators;
  const channelOf = parameterIndex(accumulators.dims, { axis });
  const data = accumulators.data.map((sum, i) => sum + bias.data[channelOf(i)]!);
  return { ...accumulators, data };
}
