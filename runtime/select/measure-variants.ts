/**
 * The trials of a selection within a budget of time: every variant alone, a quick comparison of each with float32, and a long
 * one for the two that lead. One at a time, so that no trial disturbs another.
 */
import { errorFromRecord } from '../base/errors.ts';
import { judge } from '../measure/judge.ts';
import type { AloneResult, DecideRequest, PrepareResult, TrialData, TrialRequest } from '../measure/messages.ts';
import { speedupOf } from '../measure/paired-blocks.ts';
import { type ResultOf, runTrial, type TrialOutcome } from '../measure/trial.ts';
import type { Measured, Observed, VariantFile } from './measured.ts';
import { type ProgressMeter, progressMeter } from './progress.ts';
import type { SelectionProgress, SelectionRequest } from './selection.ts';

/** Milliseconds to spend on each part; with five variants of a fast model the defaults add up to about 25 s. */
export type Budgets = {
  readonly throughputMs: number;
  /** On float32's decisions; the others decide the same windows. */
  readonly decideMs: number;
  readonly quickMs: number;
  readonly longMs: number;
};

const defaultBudgets: Budgets = { throughputMs: 300, decideMs: 2000, quickMs: 1000, longMs: 3500 };
/** What a process costs before it measures. */
const startMs = 400;
/** How many variants get the long comparison. */
const leaderCount = 2;

export type MeasureOptions = {
  readonly onProgress: (progress: SelectionProgress) => void;
  readonly signal?: AbortSignal;
  readonly budgets?: Budgets;
};

export type Measurements = {
  /** In the order given, float32 first. */
  readonly variants: readonly Measured[];
  /** Peak memory of a model of one node. */
  readonly floorBytes: number;
};

type Setting = {
  readonly request: SelectionRequest;
  readonly prepared: PrepareResult;
  readonly float32: VariantFile;
  readonly meter: ProgressMeter;
  readonly signal: AbortSignal | undefined;
  readonly budgets: Budgets;
};

/**
 * @param files float32 first.
 * @throws why float32 could not be measured; without it there is nothing to compare with. The signal's reason.
 */
export async function measureVariants(
  request: SelectionRequest,
  prepared: PrepareResult,
  [float32, ...others]: readonly [VariantFile, ...VariantFile[]],
  { onProgress, signal, budgets = defaultBudgets }: MeasureOptions,
): Promise<Measurements> {
  const meter = progressMeter('measuring', expectedMs(others.length, budgets), onProgress);
  const setting: Setting = { request, prepared, float32, meter, signal, budgets };
  const floor = await trial(setting, { kind: 'floor', threads: request.threads }, startMs, 'an empty model');
  const baseline = await measureAlone(setting, float32, { budgetMs: budgets.decideMs });
  if (!baseline.ok) throw errorFromRecord(baseline.error);
  const windows = baseline.result.decided?.windows ?? 0;
  let measured: Measured[] = [];
  for (const file of others) measured.push(await measureFirst(setting, file, baseline, windows));
  for (const file of measured) measured = replace(measured, await measurePaired(setting, file, budgets.quickMs));
  for (const leader of leadersOf(measured, request))
    measured = replace(measured, await measurePaired(setting, leader, budgets.longMs));
  const itself = judge(baseline.result.decided, baseline.result.decided, request.budget);
  const first: Measured = { ...float32, alone: baseline, paired: null, accuracy: itself, failure: null };
  return { variants: [first, ...measured], floorBytes: floor.ok ? floor.result.peakBytes : 0 };
}

function expectedMs(others: number, { throughputMs, decideMs, quickMs, longMs }: Budgets): number {
  const alone = startMs + throughputMs + decideMs;
  return (
    startMs + (1 + others) * alone + others * (startMs + quickMs) + Math.min(others, leaderCount) * (startMs + longMs)
  );
}

async function measureFirst(
  setting: Setting,
  file: VariantFile,
  baseline: Observed<AloneResult>,
  windows: number,
): Promise<Measured> {
  const outcome = await measureAlone(setting, file, { windows });
  if (!outcome.ok) return { ...file, alone: null, paired: null, accuracy: null, failure: outcome.error.message };
  const accuracy = judge(baseline.result.decided, outcome.result.decided, setting.request.budget);
  const failure = accuracy === null ? 'its outputs cannot be compared with those of float32' : null;
  return { ...file, alone: outcome, paired: null, accuracy, failure };
}

function measureAlone(
  setting: Setting,
  { name, path }: VariantFile,
  amount: { windows: number } | { budgetMs: number },
): Promise<TrialOutcome<AloneResult>> {
  const { request, prepared, budgets } = setting;
  const { threads } = request;
  const { throughputMs, decideMs } = budgets;
  const decide: DecideRequest = { data: trialDataOf(request), ...amount };
  return trial(
    setting,
    { kind: 'alone', modelPath: path, threads, feeds: prepared.feeds, throughputMs, decide },
    startMs + throughputMs + decideMs,
    `${name}: memory, throughput, decisions`,
  );
}

async function measurePaired(setting: Setting, file: Measured, budgetMs: number): Promise<Measured> {
  if (file.failure !== null) return file;
  const { request, prepared, float32 } = setting;
  const outcome = await trial(
    setting,
    {
      kind: 'paired',
      baselinePath: float32.path,
      modelPath: file.path,
      threads: request.threads,
      feeds: prepared.feeds,
      budgetMs,
    },
    startMs + budgetMs,
    `${file.name} against float32`,
  );
  return outcome.ok ? { ...file, paired: outcome } : { ...file, failure: outcome.error.message };
}

async function trial<R extends TrialRequest>(
  { meter, signal }: Setting,
  request: R,
  expectedMs: number,
  detail: string,
): Promise<TrialOutcome<ResultOf<R>>> {
  const onProgress = meter.step(expectedMs, detail);
  const outcome = await runTrial(request, { onProgress, ...(signal ? { signal } : {}) });
  onProgress(1);
  return outcome;
}

/** The variants worth a long comparison: not known to be too inaccurate, too big or slower, best first. */
export function leadersOf(
  measured: readonly Measured[],
  { objective, memoryBytes = Infinity }: SelectionRequest,
): Measured[] {
  const peak = ({ alone }: Measured) => alone?.result.memory.peakBytes ?? Infinity;
  const gain = ({ paired }: Measured, of: 'latency' | 'throughput') => speedupOf(paired?.result.rounds ?? [], of);
  const merit = (variant: Measured) => (objective === 'memory' ? -peak(variant) : gain(variant, objective).value);
  return measured
    .filter(({ failure, accuracy }) => failure === null && accuracy?.verdict !== 'exceeded')
    .filter((variant) => peak(variant) <= memoryBytes && gain(variant, 'latency').high > 1)
    .sort((a, b) => merit(b) - merit(a))
    .slice(0, leaderCount);
}

function replace(measured: readonly Measured[], changed: Measured): Measured[] {
  return measured.map((variant) => (variant.name === changed.name ? changed : variant));
}

export function trialDataOf({ data, task, pipeline, featuresPath }: SelectionRequest): TrialData {
  return {
    paths: data,
    ...(task ? { task } : {}),
    ...(pipeline ? { pipeline } : {}),
    ...(featuresPath === undefined ? {} : { featuresPath }),
  };
}
