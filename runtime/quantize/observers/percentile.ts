/** The observer that cuts off a fixed, tiny share of the values: those of largest magnitude. */
import type { Range } from '../numerics.ts';
import { type Histogram, type HistogramSide, total, valueHistogram } from './histogram.ts';
import type { Observer } from './observer.ts';

/** The share that is cut off. Source: default of onnxruntime.quantization, percentile 99.999. */
const cutShare = 1e-5;

/**
 * ±the magnitude below which 99.999 % of the values lie, and never more than was seen. The reference finds it in a histogram of
 * 2,048 bins, with every activation of every sample in memory; here there are at least as many, and memory is fixed. Of the
 * bin that holds it the reference takes the inner edge and this the outer, so they differ by at most a bin of
 * each: 1/1024 of the largest magnitude.
 */
export function percentileObserver(): Observer {
  const histogram = valueHistogram();
  return {
    add: histogram.add,
    range() {
      const seen = histogram.extremes();
      if (!seen) return { min: 0, max: 0 };
      const bound = magnitudeBound(histogram);
      return {
        min: Math.min(Math.max(seen.min, -bound), 0),
        max: Math.max(Math.min(seen.max, bound), 0),
      } satisfies Range;
    },
  };
}

/** The outer edge of the bin beyond which at most `cutShare` of all values lie. */
function magnitudeBound(histogram: Histogram): number {
  const { counts, width } = magnitudes(histogram);
  const cut = cutShare * (total(counts) + histogram.zeros);
  let beyond = 0;
  for (let i = counts.length - 1; i >= 0; i--) {
    beyond += counts[i]!;
    if (beyond > cut) return (i + 1) * width;
  }
  return 0;
}

/** Both signs in bins of the wider one's width. */
function magnitudes({ negative, positive }: Histogram): HistogramSide {
  const width = Math.max(negative.width, positive.width);
  const counts = new Float64Array(positive.counts.length);
  // Widths are powers of two, so bins of one lie whole in bins of the other.
  for (const side of [negative, positive])
    for (let i = 0; i < side.counts.length; i++) counts[Math.floor((i * side.width) / width)]! += side.counts[i]!;
  return { counts, width };
}
