/** How far one tensor is from another, over any number of samples, in sums: memory does not grow. */
import { integerRanges } from '../../graph/integers.ts';
import type { IntegerParams } from './integer-values.ts';

export type TensorError = {
  /**
   * Signal over noise, 10·log₁₀(Σx² ∕ Σ(x−y)²) in decibel, between −150 and 150 (equal: float32 itself carries 144). 8 bits
   * reach about 40 to 50.
   */
  readonly sqnrDb: number;
  /** Cosine of the angle between both, 1 when they point the same way. */
  readonly cosine: number;
  /** Null where channels were rescaled on purpose. */
  readonly maxError: number | null;
  /**
   * Share of values that were cut off: the integer is at an end of its type and the float value lies more than half a step
   * beyond it. Being at an end alone says nothing: every zero after Relu is. Null for float values, and where channels were rescaled on purpose.
   */
  readonly saturation: number | null;
  readonly values: number;
};

export type ErrorMeter = {
  /**
   * @param quantized integers when the meter has parameters, else floats. Values beyond the shorter one are left out.
   * @param dims of both.
   */
  add(exact: ArrayLike<number>, quantized: ArrayLike<number>, dims: readonly number[]): void;
  error(): TensorError;
};

export function errorMeter(params?: IntegerParams): ErrorMeter {
  const { scale, zeroPoint } = params ?? { scale: 1, zeroPoint: 0 };
  const ends = params ? integerRanges[params.type] : { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };
  const [lowest, highest] = [(ends.min - 0.5 - zeroPoint) * scale, (ends.max + 0.5 - zeroPoint) * scale];
  const sums = { signal: 0, noise: 0, product: 0, power: 0, largest: 0, cut: 0, values: 0 };
  return {
    add(exact, quantized) {
      const count = Math.min(exact.length, quantized.length);
      for (let i = 0; i < count; i++) {
        const x = exact[i]!;
        const stored = quantized[i]!;
        const y = (stored - zeroPoint) * scale;
        const difference = Math.abs(x - y);
        sums.signal += x * x;
        sums.noise += difference * difference;
        sums.product += x * y;
        sums.power += y * y;
        if (difference > sums.largest) sums.largest = difference;
        if ((stored === ends.min && x < lowest) || (stored === ends.max && x > highest)) sums.cut += 1;
      }
      sums.values += count;
    },
    error: () => ({
      sqnrDb: decibel(sums.signal, sums.noise),
      cosine: sums.noise === 0 ? 1 : sums.product / Math.sqrt(sums.signal * sums.power) || 0,
      maxError: sums.largest,
      saturation: params ? sums.cut / Math.max(1, sums.values) : null,
      values: sums.values,
    }),
  };
}

/** Finite, so that a report survives JSON. */
const mostDb = 150;

export function decibel(signal: number, noise: number): number {
  if (noise === 0) return mostDb;
  return Math.min(mostDb, Math.max(-mostDb, 10 * Math.log10(signal / noise)));
}
