/**
 * `--recipe auto`: the fastest form of a model on this machine that still decides like float32. Searches by timing whole models,
 * judges the fastest on held-out windows, repairs or refuses, and measures the winner against float32 in a fresh process. Where
 * nothing wins beyond doubt, the answer is the float32 model as it came.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OctetError } from '../../base/errors.ts';
import type { Budget, Task } from '../../data/pipeline.ts';
import { evenly, type Samples, splitHeldOut } from '../../data/samples.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds } from '../../graph/tensor.ts';
import type { AccuracyJudgement } from '../../measure/accuracy.ts';
import { speedupOf } from '../../measure/paired-blocks.ts';
import { runTrial, type TrialOptions } from '../../measure/trial.ts';
import { chooseFeeds } from '../../measure/trial-feeds.ts';
import type { NodeOutcome } from '../messages.ts';
import { modelInputs, prepareModel } from '../prepare/prepare.ts';
import { shapesOn } from '../prepare/run-shapes.ts';
import { observeFor } from '../quantize.ts';
import { type StaticRecipe, staticSchema } from '../recipe.ts';
import { candidateObservers, chooseObserver } from './choose-observer.ts';
import { type ComposedRecipe, isUnchanged } from './composed-recipe.ts';
import { explore } from './explore.ts';
import { type Gate, isAcceptable, openGate } from './gate.ts';
import { type Int8Share, int8ShareOf } from './int8-share.ts';
import { type Journal, noJournal } from './journal.ts';
import { repair } from './repair.ts';
import { type BuiltModel, type Contender, openSearch, type Search, type Tried } from './search.ts';

export type AutoOptions = {
  readonly activation: 'uint8' | 'int8';
  /** Weights in 7 bits, where this processor would saturate with 8. */
  readonly reduceRange: boolean;
  readonly budget: Budget;
  readonly task?: Task;
  readonly threads: number;
  /** Windows in one call, which the speed is for (default 1); accuracy is judged window by window. */
  readonly batch?: number;
  /** At most so many calibration samples. */
  readonly samples: number;
  /** For the search; judging and the last measurement come on top. */
  readonly searchMs: number;
  /** @param fraction 0 to 1. */
  readonly onProgress?: (fraction: number, detail: string) => void;
  readonly signal?: AbortSignal;
  /** Where the search tells what it found out, and takes up what an earlier one did. */
  readonly journal?: Journal;
  /** How the last measurement's process is started; for tests. */
  readonly start?: TrialOptions['start'];
};

/** A paired measurement against float32 in a process of its own. */
export type Verification = {
  readonly floatP50Us: number;
  readonly p50Us: number;
  /** float32's time over its time, with its 95 % interval. */
  readonly speedup: { readonly value: number; readonly low: number; readonly high: number };
};

export type TriedReport = Pick<Tried, 'label'> & {
  /** Null for what was never timed, because it crashed. */
  readonly ratio: number | null;
  /** Why it is not the answer; absent when it is, or was not fast enough to be asked. */
  readonly refused?: string;
};

export type AutoResult = {
  readonly recipe: ComposedRecipe;
  readonly bytes: Uint8Array;
  readonly label: string;
  readonly outcomes: readonly NodeOutcome[];
  /** Null when there were no held-out windows, or the answer is float32 as it came. */
  readonly accuracy: AccuracyJudgement | null;
  /** Null when the answer is float32 as it came. */
  readonly verification: Verification | null;
  readonly multiplyAdds: Int8Share;
  /** In the order of trying. */
  readonly tried: readonly TriedReport[];
};

/** After so many forms of one kind that decide otherwise, the others of that kind are not asked: they mostly do, too. */
const mostRefusals = 2;
const raceMs = 160;
const verifyMs = 2500;

/**
 * @throws DATA_INVALID without samples, what preparing and running throw, the signal's reason. Opens many sessions: for a process
 * that ends.
 */
export async function quantizeAuto(path: string, samples: Samples, options: AutoOptions): Promise<AutoResult> {
  return searching(path, samples, options, (setting) => decide(path, setting));
}

export type FoundForm = BuiltModel & { readonly recipe: ComposedRecipe; readonly label: string };

/**
 * The fastest forms that decide like float32, fastest first, for somebody who measures them himself: as `quantizeAuto` but for the last
 * measurement. At most `count`. @throws what `quantizeAuto` throws.
 */
export async function findFastForms(
  path: string,
  samples: Samples,
  options: AutoOptions,
  count: number,
): Promise<FoundForm[]> {
  return searching(path, samples, options, async (setting) => {
    const found: FoundForm[] = [];
    for await (const { finalist, built } of acceptableForms(setting)) {
      found.push({ ...built, recipe: finalist.recipe, label: finalist.label });
      if (found.length === count) break;
    }
    return found;
  });
}

async function searching<T>(
  path: string,
  samples: Samples,
  options: AutoOptions,
  conclude: (setting: Setting) => Promise<T>,
): Promise<T> {
  const { calibration, heldOut } = splitHeldOut(samples);
  if (calibration.count === 0 || heldOut.count === 0)
    throw new OctetError(
      'DATA_INVALID',
      `calibration: expected samples to calibrate and to judge, got ${samples.count}`,
      {
        hint: 'Give more data: three samples in ten are held out for judging.',
      },
    );
  const { activation, reduceRange, batch = 1, task, budget } = options;
  const prepared = await prepareModel(path);
  refuseFixedBatch(prepared, batch);
  const feeds = await chooseFeeds(heldOut, batch);
  const used = evenly(calibration, options.samples);
  const part = staticSchema.parse({ kind: 'static', activation, reduceRange });
  const observer = await chooseObserver(prepared, part, used, options.signal);
  const search = await openSearch(path, prepared, searchOptions(part, used, feeds, options));
  try {
    await explore(search, { activation, reduceRange, observer });
    const gate = await openGate(path, { heldOut, task, budget, callUs: search.floatUs / batch });
    return await conclude({ search, gate, calibration, feeds, options, refusals: new Map() });
  } finally {
    await search.close();
  }
}

/** @throws USAGE */
function refuseFixedBatch(prepared: Model, batch: number): void {
  const fixed = modelInputs(prepared).find(({ dims }) => dims?.length === 0 || typeof dims?.[0] === 'number');
  if (batch === 1 || !fixed) return;
  throw new OctetError(
    'USAGE',
    `batch: expected 1, because input "${fixed.name}" has a fixed first axis (${fixed.dims?.join(', ')}), got ${batch}`,
    { hint: 'Export the model with a free batch axis, or search for one window in a call.' },
  );
}

function searchOptions(part: StaticRecipe, used: Samples, feeds: readonly Feeds[], options: AutoOptions) {
  const { threads, searchMs, onProgress, signal } = options;
  const observers = candidateObservers.map((observer) => ({ ...part, observer }));
  const fromMs = performance.now();
  const spent = () => (performance.now() - fromMs) / searchMs;
  return {
    race: { feeds, threads, budgetMs: raceMs },
    samples: options.samples,
    calibration: used,
    observe: (model: Parameters<typeof observeFor>[0]) => observeFor(model, observers, used, signal ? { signal } : {}),
    isOver: () => spent() > 1,
    onTried: ({ label, ratio }: Tried) => onProgress?.(Math.min(0.9, spent() * 0.9), `${label}: ${ratio.toFixed(2)}×`),
    journal: options.journal ?? noJournal,
    ...(signal ? { signal } : {}),
  };
}

type Setting = {
  readonly search: Search;
  readonly gate: Gate;
  readonly calibration: Samples;
  readonly feeds: readonly Feeds[];
  readonly options: AutoOptions;
  /** By label. */
  readonly refusals: Map<string, string>;
};

/** The fastest that is good enough and stands the last measurement. */
async function decide(path: string, setting: Setting): Promise<AutoResult> {
  const { search, refusals } = setting;
  for await (const { finalist, built, accuracy } of acceptableForms(setting)) {
    const verification = await verify(path, built, setting);
    if ('error' in verification) {
      refusals.set(finalist.label, `could not be measured: ${verification.error}`);
      continue;
    }
    if (verification.speedup.low > 1) return report(setting, finalist, built, accuracy, verification);
    refusals.set(finalist.label, `${verification.speedup.value.toFixed(2)}×, not beyond doubt`);
  }
  const bytes = new Uint8Array(await readFile(path));
  return report(setting, search.tried[0]!, { bytes, outcomes: [] }, null, null);
}

type Acceptable = {
  readonly finalist: Contender;
  readonly built: BuiltModel;
  readonly accuracy: AccuracyJudgement | null;
};

/** Those that are faster in the search and good enough, fastest first; what is not good enough is repaired where that can be. */
async function* acceptableForms({ search, gate, refusals, options, ...setting }: Setting): AsyncGenerator<Acceptable> {
  const asked = new Set<Contender>();
  const wrong: Contender[] = [];
  for (;;) {
    options.signal?.throwIfAborted();
    const finalist = nextFinalist(search, asked, wrong);
    if (!finalist) break;
    asked.add(finalist);
    options.onProgress?.(Math.min(0.99, 0.9 + 0.01 * asked.size), `judging ${finalist.label}`);
    const built = await search.build(finalist);
    if (!built) continue;
    const accuracy = await gate.judge(built.bytes);
    if (!isAcceptable(accuracy)) {
      refusals.set(finalist.label, accuracy ? `${accuracy.metric} ${percent(accuracy.value)}` : 'cannot be judged');
      const repaired = await tryRepair({ search, gate, refusals, options, ...setting }, finalist);
      if (!repaired) wrong.push(finalist);
    } else yield { finalist, built, accuracy };
  }
}

function nextFinalist(
  { tried }: Search,
  asked: ReadonlySet<Contender>,
  wrong: readonly Contender[],
): Contender | undefined {
  const isHopeless = (contender: Contender) =>
    wrong.filter((other) => kindOf(other) === kindOf(contender)).length >= mostRefusals;
  return tried
    .filter(({ ratio, recipe }) => ratio > 1 && !isUnchanged(recipe))
    .filter((contender) => !asked.has(contender) && !isHopeless(contender))
    .sort((a, b) => b.ratio - a.ratio)[0];
}

function kindOf({ recipe }: Contender): string {
  return recipe.parts.map(({ kind }) => kind).join(' ');
}

async function tryRepair({ search, gate, calibration, refusals }: Setting, broken: Contender): Promise<boolean> {
  const repaired = await repair(search, broken, calibration, async (attempt) => {
    const built = await search.build(attempt);
    return built !== undefined && isAcceptable(await gate.judge(built.bytes));
  });
  if (repaired) refusals.set(broken.label, `${refusals.get(broken.label)}; repaired: ${repaired.label}`);
  return repaired !== undefined;
}

/** Measured in a fresh process, or why it could not be. */
async function verify(
  path: string,
  { bytes }: BuiltModel,
  { feeds, options }: Setting,
): Promise<Verification | { readonly error: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-auto-'));
  try {
    const modelPath = join(folder, 'candidate.onnx');
    await writeFile(modelPath, bytes);
    const { threads, signal, start } = options;
    const outcome = await runTrial(
      { kind: 'paired', baselinePath: path, modelPath, threads, feeds, budgetMs: verifyMs },
      { niceness: 0, ...(signal ? { signal } : {}), ...(start ? { start } : {}) },
    );
    if (!outcome.ok) return { error: outcome.error.message };
    const { baseline, variant, rounds } = outcome.result;
    const { value, low, high } = speedupOf(rounds, 'latency');
    return { floatP50Us: baseline.p50Us, p50Us: variant.p50Us, speedup: { value, low, high } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function report(
  { search, feeds, refusals, options }: Setting,
  { recipe, label }: Contender,
  { bytes, outcomes }: BuiltModel,
  accuracy: AccuracyJudgement | null,
  verification: Verification | null,
): Promise<AutoResult> {
  const model = await search.rewritten(recipe.rewrites);
  const multiplyAdds = int8ShareOf(model, await shapesOn(model, feeds[0]!), outcomes);
  const tried = search.tried.map(({ label: name, ratio }) => {
    const refused = refusals.get(name);
    return { label: name, ratio, ...(refused === undefined ? {} : { refused }) };
  });
  const crashed = (options.journal?.crashes ?? []).map((crash) => ({
    label: crash.label,
    ratio: null,
    refused: crash.reason,
  }));
  const timed = tried.filter((each) => !crashed.some((crash) => crash.label === each.label));
  return { recipe, bytes, label, outcomes, accuracy, verification, multiplyAdds, tried: [...timed, ...crashed] };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
