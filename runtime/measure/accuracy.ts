/**
 * What a variant costs in decisions. Both models judge the same held-out windows, so differences are counted window by
 * window, which tells small losses from luck far sooner than two separate accuracies would. Three answers: within the
 * budget, beyond it, or too few windows to tell, and then how many more it takes.
 * The bounds take windows for independent; windows of one recording are less so, and their true bounds are wider.
 */
import type { Budget } from '../data/pipeline.ts';
import { type Discordance, netLossUpperBound, shareUpperBound, windowsNeeded } from './proportions.ts';

export type AccuracyVerdict = 'within' | 'exceeded' | 'insufficient';

export type AccuracyJudgement = {
  readonly verdict: AccuracyVerdict;
  /** `net loss`: of correct decisions, with labels. `changed`: share of changed decisions. `error`: relative RMSE. */
  readonly metric: 'net loss' | 'changed' | 'error';
  /** As measured; a share. Negative when the variant is better. */
  readonly value: number;
  /** Upper 95 % confidence bound of it. */
  readonly bound: number;
  readonly limit: number;
  readonly windows: number;
  /** How many more windows would settle an insufficient verdict; null otherwise, or when no number would. */
  readonly moreWindows: number | null;
  /** Shares of correct decisions of both; null without labels. */
  readonly accuracy: number | null;
  readonly baselineAccuracy: number | null;
  /** Share of decisions equal to float32's; null where decisions are not classes. */
  readonly agreement: number | null;
  /** McNemar's counts; null without labels. */
  readonly discordance: Discordance | null;
};

/**
 * Judges class decisions (−1: no decision, the outputs were not numbers).
 * @param labels class per window, −1 where unknown; without any known label decisions are compared with float32's.
 */
export function judgeDecisions(
  baseline: ArrayLike<number>,
  variant: ArrayLike<number>,
  labels: ArrayLike<number> | undefined,
  budget: Budget,
): AccuracyJudgement {
  const windows = Array.from({ length: baseline.length }, (_, index) => index);
  const changed = windows.filter((index) => baseline[index] !== variant[index] || variant[index] === -1).length;
  const agreement = windows.length === 0 ? null : 1 - changed / windows.length;
  const labelled = windows.filter((index) => (labels?.[index] ?? -1) >= 0);
  if (labels === undefined || labelled.length === 0) return judgeChanged(changed, windows.length, agreement, budget);
  const isRight = (decisions: ArrayLike<number>) => (index: number) => decisions[index] === labels[index];
  const [before, now] = [isRight(baseline), isRight(variant)];
  const discordance = {
    lost: labelled.filter((index) => before(index) && !now(index)).length,
    gained: labelled.filter((index) => !before(index) && now(index)).length,
    total: labelled.length,
  };
  return {
    ...judgeNetLoss(discordance, budget),
    accuracy: labelled.filter(now).length / labelled.length,
    baselineAccuracy: labelled.filter(before).length / labelled.length,
    agreement,
    discordance,
  };
}

/**
 * Judges continuous outputs by their error against float32's: relative RMSE, √(Σ(v−f)² / Σ(f−f̄)²).
 * @param baseline, variant the outputs of all windows one after another, equally long.
 */
export function judgeOutputs(
  baseline: Float32Array,
  variant: Float32Array,
  windows: number,
  budget: Budget,
): AccuracyJudgement {
  const { ratio, deviation } = squaredErrorRatio(baseline, variant, windows);
  const limit = budget.maxDisagreement;
  // The bound of the squared ratio shrinks with the root of the number of windows.
  const boundAt = (count: number) => Math.sqrt(ratio + 1.645 * deviation * Math.sqrt(windows / count));
  return {
    ...settle('error', Math.sqrt(ratio), boundAt, limit, windows),
    accuracy: null,
    baselineAccuracy: null,
    agreement: null,
    discordance: null,
  };
}

type Settled = Pick<AccuracyJudgement, 'verdict' | 'metric' | 'value' | 'bound' | 'limit' | 'windows' | 'moreWindows'>;

function judgeNetLoss(counts: Discordance, { maxDrop }: Budget): Settled {
  const { lost, gained, total } = counts;
  const boundAt = (windows: number) =>
    netLossUpperBound({ lost: (lost / total) * windows, gained: (gained / total) * windows, total: windows });
  return settle('net loss', (lost - gained) / total, boundAt, maxDrop, total);
}

function judgeChanged(changed: number, total: number, agreement: number | null, budget: Budget): AccuracyJudgement {
  const share = total === 0 ? 0 : changed / total;
  const boundAt = (windows: number) => shareUpperBound(Math.round(share * windows), windows);
  return {
    ...settle('changed', share, boundAt, budget.maxDisagreement, total),
    accuracy: null,
    baselineAccuracy: null,
    agreement,
    discordance: null,
  };
}

/**
 * Within when even the bound fits; beyond when the measured value itself does not; else more windows must tell. A limit
 * that is measured exactly, such as none lost of none allowed, is not exceeded, but no number of windows proves it.
 */
function settle(
  metric: AccuracyJudgement['metric'],
  value: number,
  boundAt: (windows: number) => number,
  limit: number,
  windows: number,
): Settled {
  const bound = windows === 0 ? 1 : boundAt(windows);
  const measured = { metric, value, bound, limit, windows };
  if (bound <= limit) return { ...measured, verdict: 'within', moreWindows: null };
  // Not a number: the variant's outputs are not numbers, which no budget covers.
  if (!(value <= limit)) return { ...measured, verdict: 'exceeded', moreWindows: null };
  const needed = windowsNeeded(boundAt, limit, windows);
  return { ...measured, verdict: 'insufficient', moreWindows: needed === undefined ? null : needed - windows };
}

/** Ratio estimator over windows with its linearised standard deviation. Source: Cochran, Sampling Techniques, §6. */
function squaredErrorRatio(baseline: Float32Array, variant: Float32Array, windows: number) {
  const size = baseline.length / windows;
  const mean = baseline.reduce((sum, value) => sum + value, 0) / baseline.length;
  const sums = Array.from({ length: windows }, (_, window) => {
    let [error, spread] = [0, 0];
    for (let index = window * size; index < (window + 1) * size; index++) {
      error += (variant[index]! - baseline[index]!) ** 2;
      spread += (baseline[index]! - mean) ** 2;
    }
    return { error, spread };
  });
  const spread = sums.reduce((sum, window) => sum + window.spread, 0);
  const ratio = sums.reduce((sum, window) => sum + window.error, 0) / spread;
  const residuals = sums.reduce((sum, window) => sum + (window.error - ratio * window.spread) ** 2, 0);
  return { ratio, deviation: Math.sqrt((residuals * windows) / Math.max(1, windows - 1)) / spread };
}
