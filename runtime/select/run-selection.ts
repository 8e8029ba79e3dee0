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
import type { PrepareResult } from '../measure/messages.ts';
import { plainSettings } from '../measure/session-settings.ts';
import { runTrial } from '../measure/trial.ts';
import { confirm } from './confirm.ts';
import { requireMeter } from './energy.ts';
import { type Evidence, writeEvidence } from './evidence.ts';
import { rowFrom, type VariantFile } from './measured.ts';
import { proposeAgain, proposeAll, type Subject } from './propose.ts';
import type { RaceOptions } from './race.ts';
import { evidenceFrom } from './record.ts';
import { defaultTimeMs, type SelectionProgress, type SelectionRequest, type SelectionResult } from './selection.ts';
import { float32Latency, type SearchKind, type Settled, settle, type Timing } from './settle.ts';
import { recordTimeline } from './timeline.ts';
import { trialDataOf } from './trials.ts';

export type SelectionOptions = {
  readonly onProgress?: (progress: SelectionProgress) => void;
  readonly signal?: AbortSignal;
  /** Scheduling niceness of all that is started, 0 to 19. Default 10: measuring yields to the active model. */
  readonly niceness?: number;
  /** Default: this device. */
  readonly hardware?: HardwareReport;
  readonly clock?: Clock;
  /** Evidence from a device of the same kind: where it holds here, a short run confirms it instead of a search. */
  readonly reference?: Evidence;
  /** Evidence of a selection to be run again: the same contenders, however they did. */
  readonly repeat?: Evidence;
  readonly strategy?: RaceOptions['strategy'];
};

/**
 * @throws what is wrong with the model or the data; CHILD_FAILED, CHILD_TIMEOUT when float32 itself could not be measured;
 * PLATFORM_UNSUPPORTED when energy is the objective and there is no meter; DISK_FULL; the signal's reason. A variant that fails is a
 * row with a reason.
 */
export async function runSelection(
  request: SelectionRequest,
  options: SelectionOptions = {},
): Promise<SelectionResult> {
  const { clock = systemClock, strategy } = options;
  const timing: Timing = { clock, fromMs: clock.monotonicMs(), strategy };
  const sinceMs = () => clock.monotonicMs() - timing.fromMs;
  using timeline = recordTimeline(sinceMs);
  const subject = await subjectOf(request, options);
  const preparing = sinceMs();
  const settled = await answer(subject, timing, options);
  const durationMs = sinceMs();
  const { building, searching } = settled.proposal.spentMs;
  const evidence = await evidenceFrom({
    ...{ ...subject, ...settled, durationMs, timeline: timeline.moments, createdMs: clock.wallMs() },
    excluded: excludedIn(settled),
    spentMs: { preparing, building, searching, measuring: durationMs - preparing - building - searching },
  });
  const evidencePath = await writeEvidence(join(request.workFolder, 'evidence'), evidence);
  return resultFrom(settled, evidencePath, durationMs);
}

/** The model, its data and the device, before anything is proposed. */
async function subjectOf(
  request: SelectionRequest,
  { onProgress = () => {}, signal, niceness = 10, hardware }: SelectionOptions,
): Promise<Subject> {
  onProgress({ phase: 'calibrating', fraction: 0, detail: 'looking at the model and its data' });
  if (request.objective === 'energy') requireMeter();
  return {
    ...{
      request,
      onProgress,
      signal,
      niceness,
      timeMs: request.timeMs ?? defaultTimeMs,
      usual: plainSettings(request.threads),
    },
    hardware: hardware ?? (await probeHardware()),
    prepared: await prepare(request, signal),
    float32: await float32File(request.modelPath),
  };
}

async function answer(subject: Subject, timing: Timing, { reference, repeat }: SelectionOptions): Promise<Settled> {
  const { clock } = timing;
  if (repeat) return settle(subject, timing, await proposeAgain(subject, repeat.trials, clock), repeatOf(repeat));
  if (!reference) return settle(subject, timing, await proposeAll(subject, clock), plainSearch);
  return confirm({
    ...{ reference, subject },
    settled: (proposal, search) => settle(subject, timing, proposal, search),
    short: (trials) => proposeAgain(subject, trials, clock),
    full: () => proposeAll(subject, clock),
  });
}

const plainSearch: SearchKind = { mode: 'full', note: '', reference: null };

function repeatOf({ environment, createdMs, chosen, chosenSha256 }: Evidence): SearchKind {
  return { mode: 'repeat', note: '', reference: { board: environment.board, createdMs, chosen, chosenSha256 } };
}

function resultFrom(settled: Settled, evidencePath: string, durationMs: number): SelectionResult {
  const { measurements, choice, contenders, search } = settled;
  const { measured } = measurements;
  const latency = float32Latency(measured, choice.chosen);
  const rows = measured.map((entry, at) => rowFrom(entry, contenders[at]!, choice, at === 0, latency));
  const { outcome, verdict } = choice;
  return {
    ...{ outcome, rows, excluded: excludedIn(settled), verdict, evidencePath, durationMs },
    chosen: rows.find((row) => row.chosen)!,
    chosenPath: measured.find(({ name }) => name === choice.chosen)!.variant.path,
    ...(search.note === '' ? {} : { note: search.note }),
  };
}

function excludedIn({ proposal }: Settled): { variant: string; reason: string }[] {
  return proposal.excluded.map(({ name, reason }) => ({ variant: name, reason }));
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
