/**
 * A histogram of magnitudes in fixed memory. Its range is a power of two: when a larger value arrives, the range doubles and
 * neighbouring bins merge, which loses nothing but resolution. So the result is the same in whatever order values come.
 */

const bins = 2048;

export type MagnitudeHistogram = {
  /** @param magnitude above zero, finite. */
  add(magnitude: number): void;
  /** Summed squared error when magnitudes are rounded to multiples of `scale` and clipped at `levels` of them. */
  squaredError(scale: number, levels: number): number;
};

/** Magnitudes of negative and of positive values, apart: after Relu one side is empty and costs the other no bins. */
export type SignedHistogram = { readonly negative: MagnitudeHistogram; readonly positive: MagnitudeHistogram };

export function magnitudeHistogram(): MagnitudeHistogram {
  const counts = new Float64Array(bins);
  /** The range is [0, limit), limit a power of two; 0 until the first value. */
  let limit = 0;
  return {
    add(magnitude) {
      if (limit === 0) limit = powerAbove(magnitude);
      while (magnitude >= limit) {
        mergePairs(counts);
        limit *= 2;
      }
      counts[Math.floor((magnitude / limit) * bins)]! += 1;
    },
    squaredError(scale, levels) {
      const width = limit / bins;
      let sum = 0;
      for (let i = 0; i < bins; i++) {
        if (counts[i] === 0) continue;
        const centre = (i + 0.5) * width;
        const error = Math.min(Math.round(centre / scale), levels) * scale - centre;
        sum += counts[i]! * error * error;
      }
      return sum;
    },
  };
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
