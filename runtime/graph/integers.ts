/**
 * The integer end of quantisation: what each type can hold, and how a real number becomes one of its values. Every
 * kernel, rule and observer rounds and saturates here, so that they agree to the last bit.
 */

export type IntegerRange = { readonly min: number; readonly max: number };

/** The element types that a quantised tensor can have. int32 holds biases and accumulators. */
export const integerRanges = {
  uint8: { min: 0, max: 255 },
  int8: { min: -128, max: 127 },
  uint16: { min: 0, max: 65535 },
  int16: { min: -32768, max: 32767 },
  int32: { min: -(2 ** 31), max: 2 ** 31 - 1 },
} as const satisfies Record<string, IntegerRange>;

export type IntegerType = keyof typeof integerRanges;

/** Nearest integer, ties to even, as numpy and ONNX Runtime round. Exact for |x| < 2⁵¹. */
export function roundHalfEven(x: number): number {
  // Adding 1.5·2⁵² leaves no bits for a fraction, so the float64 unit itself rounds.
  const shift = 6755399441055744;
  return x + shift - shift;
}

/** The closest value in the range; NaN becomes `min`, as ONNX Runtime's vector code for x86 has it. */
export function clamp(value: number, { min, max }: IntegerRange): number {
  return value > min ? (value < max ? value : max) : min;
}

/** `clip(round(x) + zeroPoint)`: the step from a real number of quantisation steps to a stored value. */
export function integerFrom(steps: number, zeroPoint: number, range: IntegerRange): number {
  return clamp(roundHalfEven(steps) + zeroPoint, range);
}
