/**
 * Order statistics of timings. Medians and distribution-free intervals only: latencies are skewed and have outliers, so a
 * mean with a normal interval would describe the neighbours on the machine rather than the model.
 */
import { binomialCdf } from './proportions.ts';

/** Linear interpolation between order statistics. @param share 0 to 1. NaN of nothing. */
export function percentile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}

export function median(values: ArrayLike<number>): number {
  return percentile(values, 0.5);
}

export type Estimate = {
  readonly value: number;
  /** Two-sided 95 % confidence interval. */
  readonly low: number;
  readonly high: number;
};

/**
 * The median of ratios with a sign-test interval: no assumption but that rounds are independent. Fewer than six values
 * cannot exclude anything at 95 %, so their interval is (0, ∞).
 */
export function medianEstimate(ratios: readonly number[]): Estimate {
  const sorted = [...ratios].sort((a, b) => a - b);
  const value = median(sorted);
  const outside = signTestRank(sorted.length);
  if (outside === 0) return { value, low: 0, high: Number.POSITIVE_INFINITY };
  return { value, low: sorted[outside - 1]!, high: sorted[sorted.length - outside]! };
}

/** The largest k for which the k-th smallest and k-th largest of `count` values still enclose the median with 95 %. */
function signTestRank(count: number): number {
  let rank = 0;
  while (2 * binomialCdf(rank, count, 0.5) <= 0.05) rank++;
  return rank;
}
