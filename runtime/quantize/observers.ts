/**
 * Observers: what turns a stream of tensors into a range. Each keeps a fixed amount of memory however much it sees, and its
 * answer does not depend on the order of what it saw.
 */

import { magnitudeHistogram, type SignedHistogram } from './histogram.ts';
import { affineParams, type Range } from './numerics.ts';
import type { ObserverName } from './recipe.ts';

export type Observer = {
  /** Takes in finite values. */
  add(values: Float32Array): void;
  /** The range to quantise; [0, 0] when nothing was seen. */
  range(): Range;
};

export const observers = {
  'min-max': minMaxObserver,
  mse: meanSquareObserver,
} as const satisfies Record<ObserverName, () => Observer>;

/** The extremes themselves: nothing is clipped, and one outlier costs everybody resolution. */
function minMaxObserver(): Observer {
  let seen: Range | undefined;
  return {
    add(values) {
      seen = extremes(values, seen);
    },
    range: () => seen ?? { min: 0, max: 0 },
  };
}

/** The clipped range whose quantisation has the least squared error over all that was seen. */
function meanSquareObserver(): Observer {
  const histogram = { negative: magnitudeHistogram(), positive: magnitudeHistogram() };
  let seen: Range | undefined;
  return {
    add(values) {
      seen = extremes(values, seen);
      // Exact zeros quantise without error, so they say nothing about the range.
      for (const value of values)
        if (value !== 0) (value < 0 ? histogram.negative : histogram.positive).add(Math.abs(value));
    },
    range: () => (seen === undefined ? { min: 0, max: 0 } : leastSquaresRange(seen, histogram)),
  };
}

function extremes(values: Float32Array, seen: Range | undefined): Range | undefined {
  if (values.length === 0) return seen;
  let { min, max } = seen ?? { min: values[0]!, max: values[0]! };
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

/** Hundredths of the full range that are tried. Below a fifth, clipping has never paid at 8 bits. */
const fractions = Array.from({ length: 81 }, (_, i) => 1 - i / 100);

/** Shrinks both ends together, then each alone, keeping what lowers the error. */
function leastSquaresRange(seen: Range, histogram: SignedHistogram): Range {
  const full = { min: Math.min(seen.min, 0), max: Math.max(seen.max, 0) };
  const scaled = (of: Range, low: number, high: number) => ({ min: of.min * low, max: of.max * high });
  const both = best(
    fractions.map((f) => scaled(full, f, f)),
    histogram,
  );
  const upper = best([both, ...fractions.map((f) => ({ min: both.min, max: full.max * f }))], histogram);
  return best([upper, ...fractions.map((f) => ({ min: full.min * f, max: upper.max }))], histogram);
}

/** The candidate of least error; the first of equals. */
function best(candidates: readonly Range[], histogram: SignedHistogram): Range {
  const errors = candidates.map((candidate) => squaredError(candidate, histogram));
  return candidates[errors.indexOf(Math.min(...errors))]!;
}

function squaredError(range: Range, { negative, positive }: SignedHistogram): number {
  // Signed or not, there are 256 levels at the same places.
  const { scale, zeroPoint } = affineParams(range, 'uint8');
  return positive.squaredError(scale, 255 - zeroPoint) + negative.squaredError(scale, zeroPoint);
}
