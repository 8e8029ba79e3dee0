/**
 * A selection from start to end: look at the model and its data, propose, have it built, have it raced, choose, write the
 * evidence. All heavy work is in child processes: the agent imports this file and never loads ONNX Runtime.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { errorFromRecord, OctetError } from '../base/errors.ts';
import { readError, sha256OfFile } from '../base/files.ts';
import { type HardwareReport, probeHardware } from '../hardware/probe.ts';
import type { LatencySummary, PrepareResult } from '../measure/messages.ts';
import { plainSettings } from '../measure/session-settings.ts';
import { runTrial } from '../measure/trial.ts';
import { type Choice, choose } from './choose.ts';
import { confirm } from './confirm.ts';
import type { Contender } from './contender.ts';
import { requireMeter } from './energy.ts';
import { type Evidence, writeEvidence } from './evidence.ts';
import { contenderFrom, type Measured, rowFrom, type VariantFile } from './measured.ts';
import { type Proposal, proposeAgain, proposeAll } from './propose.ts';
import { type Measurements, type RaceOptions, race } from './race.ts';
import { doubtsOf, evidenceFrom } from './record.ts';
import { defaultTimeMs, type SelectionProgress, type SelectionRequest, type SelectionResult } from './selection.ts';
import { recordTimeline } from './timeline.ts';
import type { TrialEvidence } from './trial-evidence.ts';
import { trialDataOf } from './trials.ts';

export type SelectionOptions = {
  readonly onProgress?: (progress: SelectionProgress) => void;
  readonly signal?: AbortSignal;
  /** Default: this device. */
  readonly hardware?: HardwareReport;
  readonly clock?: Clock;
  /** Evidence from a device of the same kind: where it holds here, a short run confirms it instead of a search. */
  readonly reference?: Evidence;
  /** Evidence of a selection to be run again: the same contenders, however they did. */
  readonly repeat?: Evidence;
  readonly strategy?: RaceOptions['strategy'];
};

/** However long the building took, measuring gets this much. */
const leastMeasuringMs = 5000;

/**
 * @throws what is wrong with the model or the data; CHILD_FAILED, CHILD_TIMEOUT when float32 itself could not be measured;
 * PLATFORM_UNSUPPORTED when energy is the objective and there is no meter; DISK_FULL; the signal's reason. A variant that fails is a
 * row with a reason.
 */
export async function runSelection(
  request: SelectionRequest,
  options: SelectionOptions = {},
): Promise<SelectionResult> {
  const { onProgress = () => {}, signal, clock = systemClock, reference, repeat, strategy } = options;
  const fromMs = clock.monotonicMs();
  const sinceMs = () => clock.monotonicMs() - fromMs;
  using timeline = recordTimeline(sinceMs);
  onProgress({ phase: 'calibrating', fraction: 0, detail: 'looking at the model and its data' });
  if (request.objective === 'energy') requireMeter();
  const hardware = options.hardware ?? (await probeHardware());
  const prepared = await prepare(request, signal);
  const float32 = await float32File(request.modelPath);
  const timeMs = request.timeMs ?? defaultTimeMs;
  const building = { request, prepared, onProgress, signal };
  const subject = { ...building, float32, hardware, timeMs, usual: plainSettings(request.threads) };
  const preparedMs = sinceMs();
  let spent = { building: 0, searching: 0 };
  const raceOn = async (proposal: Proposal): Promise<Measurements> => {
    spent = {
      building: spent.building + proposal.spentMs.building,
      searching: spent.searching + proposal.spentMs.searching,
    };
    const leastMs = clock.monotonicMs() + leastMeasuringMs;
    const deadlineMs = strategy === 'exhaustive' ? Number.MAX_SAFE_INTEGER : Math.max(leastMs, fromMs + timeMs);
    const racing: RaceOptions = { onProgress, clock, fromMs, deadlineMs };
    return race(request, prepared, proposal.entries, {
      ...racing,
      ...(signal ? { signal } : {}),
      ...(strategy ? { strategy } : {}),
    });
  };
  const settled = async (proposal: Proposal, search: Omit<Evidence['search'], 'rounds'>): Promise<Settled> => {
    const measurements = await raceOn(proposal);
    return { proposal, search, measurements, ...decide(measurements, request, hardware.cpu.cores) };
  };
  const full = () => proposeAll(subject, clock);
  const short = (trials: readonly TrialEvidence[]) => proposeAgain(subject, trials, clock);
  const { proposal, search, measurements, choice, contenders } = repeat
    ? await settled(await short(repeat.trials), repeatSearch(repeat))
    : reference
      ? await confirm({ reference, subject, settled, short, full })
      : await settled(await full(), plainSearch);
  const durationMs = sinceMs();
  const spentMs = {
    preparing: preparedMs,
    ...spent,
    measuring: durationMs - preparedMs - spent.building - spent.searching,
  };
  const excluded = proposal.excluded.map(({ name, reason }) => ({ variant: name, reason }));
  const evidence = await evidenceFrom({
    ...{ request, prepared, hardware, measurements, choice, excluded, search, spentMs, durationMs },
    timeline: timeline.moments,
    createdMs: clock.wallMs(),
  });
  const evidencePath = await writeEvidence(join(request.workFolder, 'evidence'), evidence);
  const { measured } = measurements;
  const latency = float32Latency(measured, choice);
  const rows = measured.map((entry, at) => rowFrom(entry, contenders[at]!, choice, at === 0, latency));
  const chosenPath = measured.find(({ name }) => name === choice.chosen)!.variant.path;
  const chosen = rows.find((row) => row.chosen)!;
  const { outcome, verdict } = choice;
  const note = search.note === '' ? {} : { note: search.note };
  return { outcome, rows, excluded, chosen, chosenPath, verdict, ...note, evidencePath, durationMs };
}

/** A race that is over, with its answer. */
export type Settled = {
  readonly proposal: Proposal;
  readonly search: Omit<Evidence['search'], 'rounds'>;
  readonly measurements: Measurements;
  readonly choice: Choice;
  readonly contenders: readonly Contender[];
};

const plainSearch = { mode: 'full', note: '', reference: null } as const;

function repeatSearch({ environment, createdMs, chosen, chosenSha256 }: Evidence): Omit<Evidence['search'], 'rounds'> {
  return { mode: 'repeat', note: '', reference: { board: environment.board, createdMs, chosen, chosenSha256 } };
}

function decide({ measured, floorBytes }: Measurements, request: SelectionRequest, cores: number) {
  const baselines = measured.flatMap(({ paired }) => paired ?? []);
  const longest = baselines.reduce<LatencySummary | undefined>(
    (best, { result }) => (best && best.calls >= result.baseline.calls ? best : result.baseline),
    undefined,
  );
  const p95Us = longest?.p95Us ?? measured[0]!.alone!.result.latency.p95Us;
  const contenders = measured.map((entry, at) => contenderFrom(entry, at === 0, floorBytes, p95Us));
  return { contenders, choice: doubtful(choose(contenders, request), doubtsOf(measured, cores)) };
}

async function prepare(request: SelectionRequest, signal: AbortSignal | undefined): Promise<PrepareResult> {
  const { modelPath } = request;
  const trial = { kind: 'prepare', modelPath, data: trialDataOf(request) } as const;
  const outcome = await runTrial(trial, signal ? { signal } : {});
  if (!outcome.ok) throw errorFromRecord(outcome.error);
  if (outcome.result.feeds.length > 0) return outcome.result;
  throw new OctetError('DATA_INVALID', `${request.data.join(', ')}: expected held-out windows to judge by, got none`, {
    hint: 'The last 30 % of the data judges and never calibrates: record more.',
  });
}

async function float32File(path: string): Promise<VariantFile> {
  const { size } = await stat(path).catch((error) => Promise.reject(readError(path, 'model', error)));
  return { name: 'float32', path, sha256: await sha256OfFile(path), sizeBytes: size, recipe: null, outcomes: [] };
}

/** float32's times in the comparison with the chosen variant; else in the longest comparison there was; else alone. */
function float32Latency([usual, ...others]: readonly Measured[], { chosen }: Choice): LatencySummary {
  const compared = others.flatMap(({ name, paired }) => (paired ? { name, latency: paired.result.baseline } : []));
  const longest = compared.toSorted((a, b) => b.latency.calls - a.latency.calls)[0];
  const best = compared.find(({ name }) => name === chosen) ?? longest;
  return best?.latency ?? usual!.alone!.result.latency;
}

/** Figures from a throttled board are used, but not silently. */
function doubtful(choice: Choice, doubts: readonly string[]): Choice {
  return doubts.length === 0 ? choice : { ...choice, verdict: `${choice.verdict} Doubtful: ${doubts.join(', ')}.` };
}
