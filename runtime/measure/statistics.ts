/**
 * Order statistics of timings. Medians and distribution-free intervals only: latencies are skewed and have outliers, so a
 * mean with a normal interval would describe the neighbours on the machine rather than the model.
 */
import { binomialCdf } from './proportions.ts';

/** Linear interpolation between order statistics. @param share 0 to 1. NaN of nothing. */
export function percentile(values: ArrayLike<number>, share: number): number {
  return percentileOfSorted(Float64Array.from(values).sort(), share);
}

/** The same of values that are in ascending order already. */
export function percentileOfSorted(sorted: ArrayLike<number>, share: number): number {
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

/**
 * A quantile with its two-sided 95 % confidence interval from order statistics: the ranks between which the true quantile
 * lies whatever the distribution, if calls are independent. `high` is null where there are too few values to bound it
 * (fewer than 3 688 for p99.9). Exact binomial ranks; the normal approximation where those would underflow.
 * Source: David and Nagaraja, Order Statistics, 7.1.
 */
export function quantileEstimate(values: ArrayLike<number>, share: number): QuantileEstimate {
  const sorted = Float64Array.from(values).sort();
  const count = sorted.length;
  const [low, high] = rankInterval(count, share);
  return { value: percentile(sorted, share), low: sorted[low - 1] ?? null, high: sorted[high - 1] ?? null };
}

export type QuantileEstimate = {
  readonly value: number;
  /** Null where too few values bound it. */
  readonly low: number | null;
  readonly high: number | null;
};

/** Ranks, from 1, whose values enclose the quantile with at least 95 %; 0 and `count + 1` where none does. */
export function rankInterval(count: number, share: number): [number, number] {
  // The tail computed is the shorter one, so that its first term does not underflow.
  if (-count * Math.log(Math.max(share, 1 - share)) > 700) return normalRanks(count, share);
  if (share < 0.5) {
    const [low, high] = rankInterval(count, 1 - share);
    return [count + 1 - high, count + 1 - low];
  }
  // Above: how many values exceed the quantile, Binomial(count, 1 − share).
  const tail = (above: number) => binomialCdf(above, count, 1 - share);
  let fewest = 0;
  while (fewest <= count && tail(fewest) <= 0.025) fewest++;
  let most = fewest;
  while (most < count && 1 - tail(most) > 0.025) most++;
  return [Math.max(0, count - most), count + 1 - fewest];
}

function normalRanks(count: number, share: number): [number, number] {
  const reach = 1.959964 * Math.sqrt(count * share * (1 - share));
  return [Math.floor(count * share - reach), Math.ceil(count * share + reach) + 1];
}
