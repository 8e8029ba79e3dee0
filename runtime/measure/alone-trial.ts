/** The child's side of a trial of one model alone: what it costs to load and to keep, its rate, and then its decisions. */
import { engineVersion, openSession, type Session } from '../engine/session.ts';
import { readProcessMemory } from '../hardware/process-memory.ts';
import { decideWindows } from './decide.ts';
import { machineMs } from './machine-clock.ts';
import type { AloneRequest, AloneResult, DecideRequest, TrialMemory } from './messages.ts';
import { peakAfterFirstCalls } from './peak-memory.ts';
import { createQuery } from './query.ts';
import { sessionOptionsFrom } from './session-settings.ts';
import { type OnProgress, startCalling } from './sign-of-life.ts';
import { median } from './statistics.ts';
import { type Call, monotonicUs, summarizeTimes, timeCalls, warmUp } from './timing.ts';
import { openHeldOut, syntheticFeeds } from './trial-feeds.ts';

const warmUpMs = 1500;
/** However slow the model: with fewer than 268 windows not even a flawless variant is known to lose at most one point. */
const fewestWindows = 400;

export async function measureAlone(request: AloneRequest, onProgress: OnProgress): Promise<AloneResult> {
  const { modelPath, settings, throughputMs, decide } = request;
  const fromUs = monotonicUs();
  const session = await openSession(modelPath, sessionOptionsFrom(settings));
  const loadMs = (monotonicUs() - fromUs) / 1000;
  const feeds = request.feeds ?? [syntheticFeeds(session.inputs)];
  const query = createQuery(session, feeds, 'multi-stream', settings.batch);
  const { firstUs, call } = await startCalling(query.call, onProgress);
  const peakBytes = await peakAfterFirstCalls(call);
  const { callUs, isStable } = await warmUp(call, warmUpMs, monotonicUs);
  onProgress(0.2);
  const { pssBytes, callsPerSecond, ...run } = await runFor(call, throughputMs);
  onProgress(0.5);
  const sampleUs = callUs / settings.batch;
  const decided = decide
    ? await decideAfter(session, decide, sampleUs, (share = 0) => onProgress(0.5 + share / 2))
    : null;
  return {
    kind: 'alone',
    loadMs,
    firstUs,
    ...run,
    throughputPerSecond: callsPerSecond * settings.batch,
    memory: { peakBytes, pssBytes },
    isStable,
    decided,
    engineVersion,
  };
}

async function decideAfter(session: Session, decide: DecideRequest, sampleUs: number, onProgress: OnProgress) {
  const heldOut = await openHeldOut(decide.data, session);
  const windows =
    'windows' in decide ? decide.windows : Math.max(fewestWindows, Math.ceil((decide.budgetMs * 1000) / sampleUs));
  return decideWindows(session, heldOut, windows, decide.data.task, onProgress);
}

type Run = Pick<AloneResult, 'latency' | 'fromMachineMs' | 'toMachineMs'> &
  Pick<TrialMemory, 'pssBytes'> & { readonly callsPerSecond: number };

/** Runs one call after another for `durationMs`, in five slices; memory is read between them, where it disturbs nothing. */
async function runFor(call: Call, durationMs: number): Promise<Run> {
  const [times, pss]: [number[], number[]] = [[], []];
  const fromMachineMs = machineMs();
  let busyUs = 0;
  do {
    const sliceFromUs = monotonicUs();
    do times.push(...(await timeCalls(call, 1, 1, monotonicUs)));
    while (monotonicUs() - sliceFromUs < durationMs * 200);
    busyUs += monotonicUs() - sliceFromUs;
    pss.push(readProcessMemory('self').pssBytes ?? Number.NaN);
  } while (busyUs < durationMs * 1000);
  const pssBytes = median(pss);
  return {
    latency: summarizeTimes(times),
    callsPerSecond: (times.length / busyUs) * 1e6,
    pssBytes: Number.isNaN(pssBytes) ? null : pssBytes,
    fromMachineMs,
    toMachineMs: machineMs(),
  };
}
