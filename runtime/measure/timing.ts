/**
 * Timing calls with distrust of the clock: calls shorter than a hundred ticks are timed several at once, and measuring
 * starts only once the figures have settled.
 */
import type { LatencySummary } from './messages.ts';
import { median, percentileOfSorted } from './statistics.ts';

/** Microseconds from an arbitrary origin. */
export type NowUs = () => number;
export type Call = () => Promise<unknown>;

export const monotonicUs: NowUs = () => performance.now() * 1000;

/** The smallest step the clock takes, microseconds. */
export function clockTickUs(now: NowUs): number {
  let tick = Number.POSITIVE_INFINITY;
  for (let step = 0; step < 50; step++) {
    const from = now();
    let to = now();
    while (to === from) to = now();
    tick = Math.min(tick, to - from);
  }
  return tick;
}

/** How many calls to time at once so that a tick of the clock is at most 1 % of what is timed. */
export function callsPerReading(callUs: number, tickUs: number): number {
  return Math.max(1, Math.ceil((100 * tickUs) / Math.max(callUs, tickUs / 100)));
}

/** Times `calls` readings of `perReading` calls each. @returns microseconds per call, one value per reading. */
export async function timeCalls(call: Call, calls: number, perReading: number, now: NowUs): Promise<number[]> {
  const times: number[] = [];
  for (let reading = 0; reading < calls; reading++) {
    const from = now();
    for (let repeat = 0; repeat < perReading; repeat++) await call();
    times.push((now() - from) / perReading);
  }
  return times;
}

export type WarmUp = {
  /** Median of the last window. */
  readonly callUs: number;
  readonly isStable: boolean;
};

/**
 * Calls until three windows in a row agree within 10 %, or `budgetMs` has passed. A window is five calls at least and
 * takes about 10 ms. The rule is that of NVIDIA's perf_analyzer.
 */
export async function warmUp(call: Call, budgetMs: number, now: NowUs): Promise<WarmUp> {
  const endUs = now() + budgetMs * 1000;
  const medians: number[] = [];
  let calls = 5;
  do {
    const times = await timeCalls(call, calls, 1, now);
    medians.push(median(times));
    calls = Math.min(1000, Math.max(5, Math.ceil(10_000 / Math.max(medians.at(-1)!, 1))));
    if (isSettled(medians)) return { callUs: medians.at(-1)!, isStable: true };
  } while (now() < endUs);
  return { callUs: medians.at(-1)!, isStable: false };
}

/** Whether the last three windows lie within 10 % of the middle one. */
export function isSettled(windows: readonly number[]): boolean {
  const last = windows.slice(-3);
  return last.length === 3 && Math.max(...last) - Math.min(...last) <= 0.1 * median(last);
}

export function summarizeTimes(timesUs: readonly number[]): LatencySummary {
  const sorted = Float64Array.from(timesUs).sort();
  const quantilesUs = Array.from({ length: 101 }, (_, percent) => percentileOfSorted(sorted, percent / 100));
  return {
    p50Us: quantilesUs[50]!,
    p90Us: quantilesUs[90]!,
    p95Us: quantilesUs[95]!,
    p99Us: quantilesUs[99]!,
    meanUs: timesUs.reduce((sum, time) => sum + time, 0) / timesUs.length,
    calls: timesUs.length,
    quantilesUs,
  };
}
