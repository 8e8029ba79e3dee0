/**
 * Windows of timed queries until enough of them went undisturbed, within a bound. What happened to the machine is asked
 * before and after each, so that one bad second costs one window and not the measurement.
 */
import type { Thermals } from '../hardware/thermals.ts';
import type { BenchWindow } from './bench-messages.ts';
import { throttledBetween } from './conditions.ts';
import { type Counters, type Disturbance, disturbancesBetween } from './disturbance.ts';
import { percentile } from './statistics.ts';
import { recordTimes, type TimeLog } from './time-log.ts';
import type { Call, NowUs } from './timing.ts';

export type WindowTools = {
  readonly query: Call;
  readonly queriesPerReading: number;
  readonly threads: number;
  readonly now: NowUs;
  readCounters(): Counters;
  readThermals(): Thermals;
  /** Lets messages out between two windows. */
  rest(): Promise<unknown>;
};

export type TimedWindow = { readonly window: BenchWindow; readonly log: TimeLog };

/** Runs windows until `isEnough`, which sees those so far. */
export async function runWindows(
  tools: WindowTools,
  windowMs: number,
  isEnough: (windows: readonly BenchWindow[]) => boolean,
): Promise<TimedWindow[]> {
  const timed: TimedWindow[] = [];
  const fromUs = tools.now();
  do {
    timed.push(await runWindow(tools, windowMs, fromUs));
    await tools.rest();
  } while (!isEnough(timed.map(({ window }) => window)));
  return timed;
}

async function runWindow(tools: WindowTools, windowMs: number, originUs: number): Promise<TimedWindow> {
  const { query, queriesPerReading, now } = tools;
  const recorder = recordTimes();
  const [countersBefore, thermalsBefore] = [tools.readCounters(), tools.readThermals()];
  const fromUs = now();
  let atUs = fromUs;
  do {
    const startUs = atUs;
    for (let repeat = 0; repeat < queriesPerReading; repeat++) await query();
    atUs = now();
    recorder.add((atUs - startUs) / queriesPerReading);
  } while (atUs - fromUs < windowMs * 1000);
  const [countersAfter, thermals] = [tools.readCounters(), tools.readThermals()];
  const throttled = throttledBetween(thermalsBefore, thermals).map(
    (text): Disturbance => ({ kind: 'throttled', text }),
  );
  const log = recorder.log();
  const window: BenchWindow = {
    atMs: (fromUs - originUs) / 1000,
    durationMs: (atUs - fromUs) / 1000,
    queries: log.count * queriesPerReading,
    p50Us: percentile(log.times, 0.5),
    p90Us: percentile(log.times, 0.9),
    p99Us: percentile(log.times, 0.99),
    thermals,
    disturbances: [...disturbancesBetween(countersBefore, countersAfter, tools.threads), ...throttled],
  };
  return { window, log };
}

/** Whether enough windows went undisturbed, or as many were run as may be. */
export function hasEnough(windows: readonly BenchWindow[], wanted: number, most: number): boolean {
  return windows.length >= most || undisturbed(windows).length >= wanted;
}

/**
 * Which windows the figures are taken from: those undisturbed; where there is none, the one with the least median alone,
 * because a mixture of disturbed windows would describe the disturbance.
 */
export function keptOf(windows: readonly BenchWindow[]): number[] {
  const clean = undisturbed(windows);
  if (clean.length > 0) return clean;
  const fastest = windows.reduce((best, { p50Us }, at) => (p50Us < windows[best]!.p50Us ? at : best), 0);
  return [fastest];
}

function undisturbed(windows: readonly BenchWindow[]): number[] {
  return windows.flatMap(({ disturbances }, at) => (disturbances.length === 0 ? [at] : []));
}
