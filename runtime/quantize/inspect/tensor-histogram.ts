/**
 * How the values of a tensor are distributed, in fixed memory: bins over ±limit, the limit a power of two that doubles when a
 * larger value comes, neighbouring bins then merging. So it is the same in whatever order values come.
 */

/** Even on both sides of zero, so that merging pairs never mixes signs. */
const bins = 1024;

export type TensorHistogram = {
  readonly min: number;
  readonly max: number;
  /** The counted values lie in −limit to limit; 0 when nothing was seen. */
  readonly limit: number;
  readonly counts: readonly number[];
};

export type HistogramMeter = { add(values: ArrayLike<number>): void; histogram(): TensorHistogram };

export function histogramMeter(): HistogramMeter {
  let counts = new Float64Array(bins);
  let [limit, min, max] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return {
    add(values) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!;
        if (!Number.isFinite(value)) continue;
        if (value < min) min = value;
        if (value > max) max = value;
        const magnitude = Math.abs(value);
        if (limit === 0) limit = powerAbove(magnitude);
        for (; magnitude >= limit; limit *= 2) counts = merged(counts);
        const bin = bins / 2 + Math.floor((value / limit) * (bins / 2));
        counts[bin]! += 1;
      }
    },
    histogram: () => (limit === 0 ? { min: 0, max: 0, limit, counts: [] } : { min, max, limit, counts: [...counts] }),
  };
}

/** The least power of two above `x`; far below anything an activation holds when x is 0. */
function powerAbove(x: number): number {
  return 2 ** (Math.floor(Math.log2(Math.max(x, 2 ** -40))) + 1);
}

/** Each pair of bins becomes one in the middle half. */
function merged(counts: Float64Array): Float64Array<ArrayBuffer> {
  const wider = new Float64Array(bins);
  for (let i = 0; i < bins / 2; i++) wider[bins / 4 + i] = counts[2 * i]! + counts[2 * i + 1]!;
  return wider;
}
