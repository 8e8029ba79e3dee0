/** The trials of a selection, one at a time, so that none disturbs another: alone, and compared with float32. */
import { readingsUnder } from '../hardware/readings.ts';
import { judge } from '../measure/judge.ts';
import type { AloneResult, DecideRequest, PrepareResult, TrialData, TrialRequest } from '../measure/messages.ts';
import { type ResultOf, runTrial, type TrialOutcome } from '../measure/trial.ts';
import { type ProcessWatch, type Sample, watchProcess } from '../measure/watch-process.ts';
import { type Energy, energyFrom, usableMeter } from './energy.ts';
import type { Entry, Measured, Observed, Paired } from './measured.ts';
import type { ProgressMeter } from './progress.ts';
import type { SelectionRequest } from './selection.ts';

export type Trials = {
  readonly request: SelectionRequest;
  readonly prepared: PrepareResult;
  /** float32 under the usual settings. */
  readonly usual: Entry;
  readonly meter: ProgressMeter;
  readonly signal: AbortSignal | undefined;
  /** A trial that says nothing for so long is taken for hung. */
  readonly silenceMs: number;
  readonly niceness: number;
  readonly budgets: AloneBudgets;
};

/** Milliseconds. */
export type AloneBudgets = {
  readonly throughputMs: number;
  /** On float32's decisions; the others decide the same windows. */
  readonly decideMs: number;
};

/** What a process costs before it measures. */
export const startMs = 350;
const meterIntervalMs = 100;

export function measureFloor(trials: Trials): Promise<TrialOutcome<ResultOf<TrialRequest & { kind: 'floor' }>>> {
  return run(trials, { kind: 'floor', threads: trials.usual.settings.threads } as const, startMs, 'an empty model');
}

export type AloneOutcome = { readonly outcome: TrialOutcome<AloneResult>; readonly energy: Energy | null };

/** @param decide how much to decide; undefined where its decisions are known. */
export async function measureAlone(
  trials: Trials,
  { name, variant, settings }: Entry,
  decide: { readonly windows: number } | { readonly budgetMs: number } | undefined,
): Promise<AloneOutcome> {
  const { request, prepared, budgets } = trials;
  const { throughputMs, decideMs } = budgets;
  const data = trialDataOf(request, prepared);
  const decideRequest: DecideRequest | undefined = decide && { data, ...decide };
  const meter = request.objective === 'energy' ? usableMeter() : undefined;
  let samples: readonly Sample[] = [];
  const watch = (pid: number): ProcessWatch => {
    const watching = watchProcess(pid, meterIntervalMs, readingsUnder('/'), meter);
    samples = watching.samples;
    return watching;
  };
  const outcome = await run(
    trials,
    {
      kind: 'alone',
      modelPath: variant.path,
      settings,
      feeds: prepared.feeds,
      throughputMs,
      ...(decideRequest ? { decide: decideRequest } : {}),
    },
    startMs + throughputMs + (decide ? decideMs : 0),
    `${name}: memory, throughput${decide ? ', decisions' : ''}`,
    meter ? watch : undefined,
  );
  if (!outcome.ok || meter === undefined) return { outcome, energy: null };
  const { fromMachineMs, toMachineMs, throughputPerSecond } = outcome.result;
  return { outcome, energy: energyFrom(samples, fromMachineMs, toMachineMs, meter, throughputPerSecond) };
}

/** Memory, and decisions where its variant's are not known yet. */
export async function gate(
  trials: Trials,
  entry: Measured,
  baseline: Observed<AloneResult>,
  known: Measured['accuracy'],
): Promise<Measured> {
  const windows = baseline.result.decided?.windows ?? 0;
  const isFloat32 = entry.variant.recipe === null;
  const { outcome, energy } = await measureAlone(trials, entry, isFloat32 || known ? undefined : { windows });
  if (!outcome.ok) return { ...entry, failure: outcome.error.message };
  const { decided } = baseline.result;
  const accuracy = isFloat32
    ? judge(decided, decided, trials.request.budget)
    : (known ?? judge(decided, outcome.result.decided, trials.request.budget));
  const failure = accuracy === null ? 'its outputs cannot be compared with those of float32' : null;
  return { ...entry, alone: outcome, energy, accuracy, failure };
}

/** Compares in one process; where that fails, each by itself, so that one that crashes takes nobody along. */
export async function compareTogether(
  trials: Trials,
  entries: readonly Measured[],
  budgetMs: number,
): Promise<Measured[]> {
  const { usual, prepared } = trials;
  const side = ({ variant, settings }: Entry) => ({ modelPath: variant.path, settings });
  const totalMs = budgetMs * entries.length;
  const outcome = await run(
    trials,
    { kind: 'race', baseline: side(usual), variants: entries.map(side), feeds: prepared.feeds, budgetMs: totalMs },
    startMs + totalMs,
    `${entries.map(({ name }) => name).join('; ')}: against float32`,
  );
  if (outcome.ok) {
    const { baseline, variants, callsPerBlock } = outcome.result;
    return entries.map((entry, at) => {
      const { latency, rounds, isStable } = variants[at]!;
      // All that was ever compared: several processes tell more than one, because each has its own luck with addresses.
      const pooled = [...(entry.paired?.result.rounds ?? []), ...rounds];
      const result: Paired = { baseline, latency, rounds: pooled, callsPerBlock, isStable };
      return { ...entry, paired: { ...outcome, result }, rounds: entry.rounds + 1 };
    });
  }
  const [only, ...others] = entries;
  if (others.length === 0) return [{ ...only!, failure: outcome.error.message }];
  const apart: Measured[] = [];
  for (const entry of entries) apart.push(...(await compareTogether(trials, [entry], budgetMs)));
  return apart;
}

async function run<R extends TrialRequest>(
  { meter, signal, silenceMs, niceness }: Trials,
  request: R,
  expectedMs: number,
  detail: string,
  watch?: (pid: number) => Disposable,
): Promise<TrialOutcome<ResultOf<R>>> {
  const onProgress = meter.step(expectedMs, detail);
  const outcome = await runTrial(request, {
    onProgress,
    silenceMs,
    niceness,
    ...(signal ? { signal } : {}),
    ...(watch ? { watch } : {}),
  });
  onProgress(1);
  return outcome;
}

export function trialDataOf(
  { data, task, pipeline, featuresPath }: SelectionRequest,
  prepared?: PrepareResult,
): TrialData {
  const known = task ?? prepared?.task ?? undefined;
  return {
    paths: data,
    ...(known ? { task: known } : {}),
    ...(pipeline ? { pipeline } : {}),
    ...(featuresPath === undefined ? {} : { featuresPath }),
  };
}
