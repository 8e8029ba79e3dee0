/** The demo's result as one document, for `--json`: what the broker carried, and how long it took. */
import type { Info, TrialRow } from '../../agent/protocol/messages.ts';
import { medianOf } from '../console/figures.ts';
import type { DeviceState } from '../console/state.ts';
import { accuracyOf, type Tally } from '../console/tally.ts';
import { type Progress, sinceActive } from './follow.ts';

export type DemoReport = {
  /** What the device said of itself; `simulated` says that the sensor is a replay. */
  readonly device: Info | null;
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly verdict: string;
  readonly rows: readonly TrialRow[];
  /** By the chosen variant. */
  readonly decisions: Tally;
  /** Of those that the recording labels, the share that is right; null when there are none. */
  readonly accuracy: number | null;
  /** Window complete → decision, median, microseconds. */
  readonly p50Us: number | null;
  /** Milliseconds; `selection` is calibrate + measure + choose. Steps of an earlier run are absent. */
  readonly durationsMs: Readonly<Record<string, number>>;
};

export function reportOf(progress: Progress, device: DeviceState, totalMs: number): DemoReport {
  const { slot } = progress;
  const { tally, decisions } = sinceActive(progress, device);
  return {
    device: device.info ?? null,
    model: slot?.active?.model ?? '',
    version: slot?.active?.version ?? '',
    variant: slot?.active?.variant ?? '',
    verdict: slot?.active?.verdict ?? '',
    rows: slot?.trials ?? [],
    decisions: tally,
    accuracy: accuracyOf(tally),
    p50Us: medianOf(decisions.map(({ latencyUs }) => latencyUs)) ?? null,
    durationsMs: durationsOf(progress, totalMs),
  };
}

function durationsOf({ finished }: Progress, totalMs: number): Record<string, number> {
  const known = finished.flatMap(({ step, durationMs }) =>
    durationMs === undefined ? [] : [[step, durationMs] as const],
  );
  const selection = known.filter(([step]) => step === 'calibrate' || step === 'measure' || step === 'choose');
  const selectionMs = selection.reduce((sum, [, ms]) => sum + ms, 0);
  const all = {
    ...Object.fromEntries(known),
    ...(selection.length > 0 ? { selection: selectionMs } : {}),
    total: totalMs,
  };
  return Object.fromEntries(Object.entries(all).map(([name, ms]) => [name, Math.round(ms)]));
}
