/**
 * Shares and how surely a number of windows tells them: bounds for a proportion and for the difference of two proportions
 * measured on the same windows. Pure arithmetic, one-sided 95 % unless said otherwise.
 */

/** 95 % quantile of the standard normal distribution, one-sided. */
const z95 = 1.6448536269514722;

/** P(X ≤ k) for X ~ Binomial(n, p). */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k >= n || p <= 0) return 1;
  if (k < 0 || p >= 1) return 0;
  let logTerm = n * Math.log1p(-p);
  let sum = Math.exp(logTerm);
  for (let i = 1; i <= k; i++) {
    logTerm += Math.log((n - i + 1) / i) + Math.log(p) - Math.log1p(-p);
    sum += Math.exp(logTerm);
  }
  return Math.min(sum, 1);
}

/**
 * The largest share that still explains seeing only `count` of `total`; 1 when nothing was seen. Source: Clopper and Pearson 1934.
 * @param doubt one minus the confidence.
 */
export function shareUpperBound(count: number, total: number, doubt = 0.05): number {
  if (count >= total) return 1;
  return bisect((share) => binomialCdf(count, total, share) - doubt, count / total, 1);
}

/** The smallest share that still explains seeing as many as `count` of `total`; 0 when nothing was seen. */
export function shareLowerBound(count: number, total: number, doubt = 0.05): number {
  return 1 - shareUpperBound(total - count, total, doubt);
}

/** Windows on which two models differ: McNemar's discordant counts. May be fractional when extrapolated. */
export type Discordance = {
  /** Right before, wrong now. */
  readonly lost: number;
  /** Wrong before, right now. */
  readonly gained: number;
  readonly total: number;
};

/**
 * Upper 95 % bound of the net loss (lost − gained) / total. Score interval, which stays honest when nothing or little
 * differs. Source: Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the paired-sample design".
 */
export function netLossUpperBound(counts: Discordance): number {
  if (counts.total === 0) return 1;
  const observed = (counts.lost - counts.gained) / counts.total;
  if (observed >= 1) return 1;
  // The score falls from 0 at the observed loss to below −z at a loss of 1.
  return bisect((loss) => netLossScore(counts, loss) + z95, observed, 1);
}

/** Tango's statistic for the hypothesis that the net loss is `loss`; standard normal when it is. */
function netLossScore({ lost, gained, total }: Discordance, loss: number): number {
  const a = 2 * total;
  const b = -lost - gained + (2 * total - lost + gained) * loss;
  const c = -gained * loss * (1 - loss);
  // The likelihood's maximum for the share gained, given the loss.
  const share = (Math.sqrt(Math.max(0, b * b - 4 * a * c)) - b) / (2 * a);
  const variance = total * (2 * share + loss * (1 - loss));
  const distance = lost - gained - total * loss;
  return variance <= 0 ? Math.sign(distance) * Number.POSITIVE_INFINITY || 0 : distance / Math.sqrt(variance);
}

/**
 * How many windows it would take for `boundAt(windows)` to come down to `limit`, if the rates stay as they were;
 * undefined when not even a million would do.
 */
export function windowsNeeded(boundAt: (windows: number) => number, limit: number, from: number): number | undefined {
  let enough = Math.max(from, 1);
  while (boundAt(enough) > limit) {
    enough *= 2;
    if (enough > 1_000_000) return undefined;
  }
  let tooFew = Math.max(from, 1);
  while (enough - tooFew > 1) {
    const middle = Math.floor((enough + tooFew) / 2);
    if (boundAt(middle) > limit) tooFew = middle;
    else enough = middle;
  }
  return enough;
}

/** The root of a falling function between `low` and `high`, to 1e-12. */
function bisect(falling: (x: number) => number, low: number, high: number): number {
  let [from, to] = [low, high];
  while (to - from > 1e-12) {
    const middle = (from + to) / 2;
    if (falling(middle) > 0) from = middle;
    else to = middle;
  }
  return (from + to) / 2;
}
