/** The child's side of `octet bench`: load, first query, warm-up until stable, windows, and a sustained run where wanted. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { engineVersion, openSession } from '../engine/session.ts';
import { readThermals } from '../hardware/thermals.ts';
import type { BenchRequest, BenchResult } from './bench-messages.ts';
import { readCounters } from './disturbance.ts';
import { machineMs } from './machine-clock.ts';
import { peakAfterFirstCalls } from './peak-memory.ts';
import { createQuery } from './query.ts';
import { type OnProgress, startCalling } from './sign-of-life.ts';
import { poolTimes } from './time-log.ts';
import { callsPerReading, clockTickUs, monotonicUs, warmUp } from './timing.ts';
import { syntheticFeeds } from './trial-feeds.ts';
import { hasEnough, keptOf, runWindows, type WindowTools } from './windows.ts';

/** Long enough for a slow model's fifteen calls; a model that settles sooner ends sooner. */
const warmUpBudgetMs = 5000;
/** Points of the sustained curve. */
const sustainedPoints = 60;

export async function measureBench(request: BenchRequest, onProgress: OnProgress): Promise<BenchResult> {
  const { modelPath, threads, mode, batch, windowMs, windows, mostWindows, sustainedMs } = request;
  const loadFromUs = monotonicUs();
  const session = await openSession(modelPath, { threads });
  const loadMs = (monotonicUs() - loadFromUs) / 1000;
  const feeds = request.feeds ?? [syntheticFeeds(session.inputs)];
  const { call: plain, isBatched } = createQuery(session, feeds, mode, batch);
  const { firstUs, call: query } = await startCalling(plain, onProgress);
  const peakBytes = await peakAfterFirstCalls(query);
  const warmFromUs = monotonicUs();
  const { callUs, isStable } = await warmUp(query, warmUpBudgetMs, monotonicUs);
  const warmUpMs = (monotonicUs() - warmFromUs) / 1000;
  const tickUs = clockTickUs(monotonicUs);
  const tools: WindowTools = {
    query,
    queriesPerReading: callsPerReading(callUs, tickUs),
    threads,
    now: monotonicUs,
    readCounters: () => readCounters(performance.now()),
    readThermals,
    rest: nextTurn,
  };
  const fromMachineMs = machineMs();
  const coldShare = (mostWindows * windowMs) / (mostWindows * windowMs + sustainedMs);
  const timed = await runWindows(tools, windowMs, (done) => {
    onProgress((coldShare * done.length) / mostWindows);
    return hasEnough(done, windows, mostWindows);
  });
  const toMachineMs = machineMs();
  const kept = keptOf(timed.map(({ window }) => window));
  const sustained =
    sustainedMs === 0
      ? []
      : await runSustained(tools, sustainedMs, (share = 0) => onProgress(coldShare + (1 - coldShare) * share));
  return {
    kind: 'bench',
    ...{ loadMs, firstUs, peakBytes, isStable, warmUpMs, isBatched },
    clockTickUs: tickUs,
    queriesPerReading: tools.queriesPerReading,
    windows: timed.map(({ window }) => window),
    kept,
    timesUs: poolTimes(kept.map((at) => timed[at]!.log)),
    sustained,
    ...{ fromMachineMs, toMachineMs, engineVersion },
  };
}

/** Without a pause and without choosing: what heat does to it is what is wanted. */
async function runSustained(tools: WindowTools, sustainedMs: number, onProgress: OnProgress) {
  const untilUs = monotonicUs() + sustainedMs * 1000;
  const timed = await runWindows(tools, sustainedMs / sustainedPoints, () => {
    onProgress(1 - Math.max(0, untilUs - monotonicUs()) / (sustainedMs * 1000));
    return monotonicUs() >= untilUs;
  });
  return timed.map(({ window }) => window);
}
