/**
 * What the demo tells of a deployment: which steps are done, how long each took, what goes on now. A pure fold over the
 * device's state as it comes through the broker; the demo has no other source.
 */
import { chosenAndBaseline, currentStep, type Slot, type Step, steps } from '../console/figures.ts';
import type { DeviceState } from '../console/state.ts';
import { noTally, subtractTallies, type Tally } from '../console/tally.ts';

export type FinishedStep = {
  readonly step: Step;
  /** Absent when it was over before anything was heard of it. */
  readonly durationMs?: number;
  /** What came of it; empty where the step itself says it. */
  readonly detail: string;
};

export type Progress = {
  readonly outcome: 'waiting' | 'running' | 'succeeded' | 'failed';
  /** The device has been online since the demo began: older retained messages no longer count. */
  readonly isOnline: boolean;
  readonly slot?: Slot;
  readonly current?: { readonly step: Step; readonly sinceMs: number; readonly detail: string };
  readonly finished: readonly FinishedStep[];
  /** What had been decided (by float32, meanwhile) when the chosen variant was confirmed. */
  readonly tallyBefore: Tally;
};

export const noProgress: Progress = { outcome: 'waiting', isOnline: false, finished: [], tallyBefore: noTally };

/** @param nowMs monotonic. */
export function follow(
  progress: Progress,
  previous: DeviceState | undefined,
  device: DeviceState,
  nowMs: number,
): Progress {
  const isOnline = progress.isOnline || (device.status !== previous?.status && device.status?.online === true);
  const slot = device.reported?.slots[0];
  if (!isOnline || slot === undefined || device.reported === previous?.reported) return { ...progress, isOnline };
  const next = moved(progress, slot, nowMs);
  const isNews = next.outcome === 'succeeded' && progress.outcome !== 'succeeded';
  return { ...next, isOnline, slot, ...(isNews ? { tallyBefore: device.tally } : {}) };
}

function moved(progress: Progress, slot: Slot, nowMs: number): Progress {
  const { current, finished } = progress;
  const next = currentStep(slot);
  if (next === undefined) return ended(progress, slot, nowMs);
  if (next === current?.step)
    return { ...progress, outcome: 'running', current: { ...current, detail: slot.detail || current.detail } };
  return {
    ...progress,
    outcome: 'running',
    current: { step: next, sinceMs: nowMs, detail: slot.detail },
    finished: [...finished, ...passed(progress, steps.indexOf(next), slot, nowMs)],
  };
}

function ended(progress: Progress, slot: Slot, nowMs: number): Progress {
  const outcome = slot.state === 'succeeded' ? 'succeeded' : 'failed';
  // Of a deployment of an earlier run no step was seen, so none is told of.
  const wasSeen = progress.outcome === 'running' && outcome === 'succeeded';
  const { current: _over, ...kept } = progress;
  return {
    ...kept,
    outcome,
    finished: [...kept.finished, ...(wasSeen ? passed(progress, steps.length, slot, nowMs) : [])],
  };
}

/** The steps from the current one up to, but not including, number `end`. */
function passed({ current, finished }: Progress, end: number, slot: Slot, nowMs: number): FinishedStep[] {
  return steps
    .slice(0, end)
    .filter((step) => !finished.some((known) => known.step === step))
    .map((step) => {
      if (step === current?.step) return { step, durationMs: nowMs - current.sinceMs, detail: '' };
      return { step, detail: step === 'choose' ? (chosenAndBaseline(slot.trials).chosen?.variant ?? '') : '' };
    });
}

/** What has been decided since the chosen variant was confirmed: the tally, and those of the decisions that are kept. */
export function sinceActive({ tallyBefore }: Progress, { tally, decisions }: DeviceState) {
  const since = subtractTallies(tally, tallyBefore);
  return { tally: since, decisions: since.decisions === 0 ? [] : decisions.slice(-since.decisions) };
}
