/**
 * One model's variants against each other, from one run: paired rounds of timing in several processes, and every decision on the
 * test set. Pure but for the two measurements.
 */

import { judgeDecisions, judgeOutputs } from '../../../runtime/measure/accuracy.ts';
import type { Decided } from '../../../runtime/measure/messages.ts';
import { binomialCdf } from '../../../runtime/measure/proportions.ts';
import { median } from '../../../runtime/measure/statistics.ts';
import type { BenchCase } from './bench-case.ts';
import { measureInProcess } from './measure.ts';
import type { Folders, Missing, Variant } from './variants.ts';

export type Compared = Variant & {
  readonly p50Us: number;
  /** float32's time over this one's, the median over paired rounds: above 1 is faster. */
  readonly speedup: number;
  /** The time of the better of float32 and the reference's best over this one's. */
  readonly speedupOverBest: number;
  readonly accuracy: AccuracyRow;
};

export type AccuracyRow = {
  /** Share of correct decisions; null without labels. */
  readonly top1: number | null;
  readonly lost: number;
  readonly gained: number;
  /** Probability of at least so many lost among those that differ, were losing and gaining equally likely. */
  readonly pWorse: number;
  /** Of float32's accuracy, in points; null without labels. */
  readonly lostPoints: number | null;
  /** Share of decisions equal to float32's; null where outputs are no classes. */
  readonly agreement: number | null;
  /** Relative RMSE against float32; null where outputs are classes. */
  readonly error: number | null;
};

export type Comparison = {
  readonly bench: BenchCase;
  readonly rows: readonly Compared[];
  readonly missing: readonly Missing[];
  /** The better of float32 and the reference's fastest setting that keeps accuracy. */
  readonly best: Variant;
  /** Of float32's node time, what convolutions and matrix products take. */
  readonly heavyShare: number;
};

/** Another process places its memory elsewhere, which moves a ratio by up to 1.5 %. */
const processes = 3;
const roundsPerProcess = 8;
const mostLostPoints = 0.5;
const significance = 0.05;

export async function compare(
  bench: BenchCase,
  folders: Folders,
  variants: readonly Variant[],
  missing: readonly Missing[],
): Promise<Comparison> {
  const accuracy = await accuracyOf(bench, folders.test, variants);
  const rounds = await timeVariants(folders.test, variants);
  const best = bestOf(variants, rounds, accuracy);
  const at = (index: number) => rounds.map((round) => round[index]!);
  const over = (base: number, index: number) => median(rounds.map((round) => round[base]! / round[index]!));
  const rows = variants.map((variant, index) => ({
    ...variant,
    p50Us: median(at(index)),
    speedup: over(0, index),
    speedupOverBest: over(best, index),
    accuracy: accuracy[index]!,
  }));
  const { share } = await measureInProcess({ kind: 'share', path: bench.modelPath, dataFolder: folders.test });
  return { bench, rows, missing, best: variants[best]!, heavyShare: share };
}

/** @returns rounds of all processes; each the medians of the variants, microseconds a call. */
export async function timeVariants(
  dataFolder: string,
  models: readonly Variant[],
  batch = 1,
): Promise<(readonly number[])[]> {
  const rounds: (readonly number[])[] = [];
  for (let process = 0; process < processes; process++) {
    const request = { kind: 'time', models, dataFolder, batch, rounds: roundsPerProcess } as const;
    rounds.push(...(await measureInProcess(request)).rounds);
  }
  return rounds;
}

/** Issue: on no labelled set significantly worse than float32 (one-sided 5 %), and at most half a point lost. */
export function keepsAccuracy({ pWorse, lostPoints }: AccuracyRow): boolean {
  return pWorse > significance && (lostPoints ?? 0) <= mostLostPoints;
}

function bestOf(
  variants: readonly Variant[],
  rounds: readonly (readonly number[])[],
  accuracy: readonly AccuracyRow[],
): number {
  const p50 = (index: number) => median(rounds.map((round) => round[index]!));
  const candidates = [...variants.keys()].filter(
    (index) => variants[index]!.side !== 'octet' && keepsAccuracy(accuracy[index]!),
  );
  return candidates.reduce((best, index) => (p50(index) < p50(best) ? index : best));
}

async function accuracyOf(
  { task }: BenchCase,
  dataFolder: string,
  models: readonly Variant[],
): Promise<readonly AccuracyRow[]> {
  const { decided } = await measureInProcess({ kind: 'decide', models, dataFolder, task });
  return decided.map((variant) => accuracyRow(decided[0]!, variant));
}

/** The budget plays no part here: only the counts are read. */
const anyBudget = { maxDrop: 1, maxDisagreement: 1 };

function accuracyRow(baseline: Decided, variant: Decided): AccuracyRow {
  if (baseline.outputs && variant.outputs) {
    const { value } = judgeOutputs(baseline.outputs, variant.outputs, baseline.windows, anyBudget);
    return { top1: null, lost: 0, gained: 0, pWorse: 1, lostPoints: null, agreement: null, error: value };
  }
  const labels = baseline.labels ?? undefined;
  const judged = judgeDecisions(baseline.decisions!, variant.decisions!, labels, anyBudget);
  const { lost, gained, total } = judged.discordance ?? { lost: 0, gained: 0, total: 0 };
  return {
    ...{ top1: judged.accuracy, lost, gained, agreement: judged.agreement, error: null },
    pWorse: 1 - binomialCdf(lost - 1, lost + gained, 0.5),
    lostPoints: judged.discordance ? ((lost - gained) / total) * 100 : null,
  };
}
