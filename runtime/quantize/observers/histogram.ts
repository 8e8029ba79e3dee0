/**
 * A histogram of values in fixed memory: magnitudes of negative and of positive values apart, so that after Relu one side is
 * empty and costs the other no bins. Each side's range is a power of two: when a larger value arrives, the range doubles and
 * neighbouring bins merge, which loses nothing but resolution. So the result is the same in whatever order values come.
 */
import type { Range } from '../numerics.ts';
import { extremesOf, hull } from './extremes.ts';

/** 32 kB a side; between 2,048 and 4,096 bins up to the largest magnitude, so at least 8 for each step of int8. */
const bins = 4096;

/** Magnitudes of one sign. */
export type HistogramSide = {
  /** How many values fell into each bin; bin `i` is [i, i + 1) · width. */
  readonly counts: Float64Array;
  /** Width of a bin; 0 until the first value. */
  readonly width: number;
};

export type Histogram = {
  /** @param values finite. */
  add(values: Float32Array): void;
  /** The extremes, undefined when nothing was seen. */
  extremes(): Range | undefined;
  readonly negative: HistogramSide;
  readonly positive: HistogramSide;
  /** Exact zeros, which are in no bin: they quantise without error. */
  readonly zeros: number;
};

export function valueHistogram(): Histogram {
  const sides = { negative: newSide(), positive: newSide() };
  let seen: Range | undefined;
  let zeros = 0;
  return {
    add(values) {
      const range = extremesOf(values);
      if (!range) return;
      seen = seen ? hull(seen, range) : range;
      widen(sides.negative, -range.min);
      widen(sides.positive, range.max);
      zeros += count(values, sides.negative, sides.positive);
    },
    extremes: () => seen,
    ...sides,
    get zeros() {
      return zeros;
    },
  };
}

export function total(counts: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i]!;
  return sum;
}

type Side = { counts: Float64Array; width: number };

function newSide(): Side {
  return { counts: new Float64Array(bins), width: 0 };
}

/** Makes room for a magnitude. */
function widen(side: Side, magnitude: number): void {
  if (!(magnitude > 0)) return;
  if (side.width === 0) side.width = powerAbove(magnitude) / bins;
  while (magnitude >= side.width * bins) {
    mergePairs(side.counts);
    side.width *= 2;
  }
}

/** @returns how many values are zero. The innermost loop of observing: no property is read and no float is floored in it. */
function count(values: Float32Array, negative: Side, positive: Side): number {
  const [below, above] = [negative.counts, positive.counts];
  // A side without values divides by nothing, and is never asked.
  const [perNegative, perPositive] = [-1 / negative.width, 1 / positive.width];
  let zeros = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value > 0) above[(value * perPositive) | 0]! += 1;
    else if (value < 0) below[(value * perNegative) | 0]! += 1;
    else zeros += 1;
  }
  return zeros;
}

/** The least power of two above `x`. */
function powerAbove(x: number): number {
  const power = 2 ** Math.floor(Math.log2(x));
  return power > x ? power : power * 2;
}

/** Bins 2i and 2i + 1 become bin i. */
function mergePairs(counts: Float64Array): void {
  for (let i = 0; i < bins / 2; i++) counts[i] = counts[2 * i]! + counts[2 * i + 1]!;
  counts.fill(0, bins / 2);
}
