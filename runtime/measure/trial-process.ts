/**
 * The trial: a child process that measures one request and ends. Fresh for every measurement, because only a fresh process
 * has an honest peak of memory, and a crash in native code must cost no more than this one figure.
 */
import { endWithParent } from '../base/children.ts';
import { errorRecordFrom, OctetError } from '../base/errors.ts';
import { engineVersion, openSession, type Session } from '../engine/session.ts';
import { graphOf, modelOf, node, valueInfo } from '../graph/build.ts';
import { encodeModel } from '../graph/save.ts';
import { requireSupportedPlatform } from '../hardware/platform.ts';
import { readProcessMemory } from '../hardware/process-memory.ts';
import { measureBench } from './bench-trial.ts';
import { decideWindows } from './decide.ts';
import type {
  AloneRequest,
  AloneResult,
  DecideRequest,
  FloorRequest,
  FloorResult,
  PairedRequest,
  PairedResult,
  PrepareRequest,
  PrepareResult,
  TrialEvent,
  TrialMemory,
  TrialRequest,
  TrialResult,
} from './messages.ts';
import { summarizeModel } from './model-summary.ts';
import { runPairedBlocks } from './paired-blocks.ts';
import { peakAfterFirstCalls } from './peak-memory.ts';
import { type OnProgress, startCalling } from './sign-of-life.ts';
import { median } from './statistics.ts';
import { type Call, monotonicUs, summarizeTimes, timeCalls, warmUp } from './timing.ts';
import { chooseFeeds, openHeldOut, rotatingCall, syntheticFeeds } from './trial-feeds.ts';

const warmUpMs = 1500;
/** However slow the model: with fewer than 268 windows not even a flawless variant is known to lose at most one point. */
const fewestWindows = 400;

/** Serves one request of the parent process, then ends the process. */
export async function main(): Promise<void> {
  endWithParent();
  const request = await new Promise<TrialRequest>((resolve) => process.once('message', resolve));
  try {
    requireSupportedPlatform({ os: process.platform, arch: process.arch, nodeVersion: process.versions.node });
    const result = await measure(request, progressSender());
    await sendToParent({ kind: 'result', result });
  } catch (error) {
    await sendToParent({ kind: 'failed', error: errorRecordFrom(isRefusedBuffer(error) ? outOfMemory(error) : error) });
  }
  process.disconnect();
}

/** V8's word when an array of numbers cannot be had. */
function isRefusedBuffer(error: unknown): error is RangeError {
  return error instanceof RangeError && /allocation failed/.test(error.message);
}

function outOfMemory(cause: RangeError): OctetError {
  return new OctetError('OUT_OF_MEMORY', cause.message, { cause });
}

function measure(request: TrialRequest, onProgress: OnProgress): Promise<TrialResult> {
  switch (request.kind) {
    case 'prepare':
      return prepare(request);
    case 'alone':
      return measureAlone(request, onProgress);
    case 'paired':
      return measurePaired(request, onProgress);
    case 'floor':
      return measureFloor(request);
    case 'bench':
      return measureBench(request, onProgress);
    default:
      return request satisfies never;
  }
}

async function prepare({ modelPath, data }: PrepareRequest): Promise<PrepareResult> {
  const heldOut = await openHeldOut(data, await openSession(modelPath));
  const [feeds, summary] = [await chooseFeeds(heldOut), await summarizeModel(modelPath)];
  return { kind: 'prepare', feeds, heldOutWindows: heldOut.count, summary, engineVersion };
}

async function measureAlone(request: AloneRequest, onProgress: OnProgress): Promise<AloneResult> {
  const { modelPath, threads, throughputMs, decide } = request;
  const fromUs = monotonicUs();
  const session = await openSession(modelPath, { threads });
  const loadMs = (monotonicUs() - fromUs) / 1000;
  const feeds = request.feeds ?? [syntheticFeeds(session.inputs)];
  const { firstUs, call } = await startCalling(rotatingCall(session, feeds), onProgress);
  const peakBytes = await peakAfterFirstCalls(call);
  const { callUs, isStable } = await warmUp(call, warmUpMs, monotonicUs);
  onProgress(0.2);
  const { pssBytes, ...run } = await runFor(call, throughputMs);
  onProgress(0.5);
  const decided = decide
    ? await decideAfter(session, decide, callUs, (share = 0) => onProgress(0.5 + share / 2))
    : null;
  return {
    kind: 'alone',
    loadMs,
    firstUs,
    ...run,
    memory: { peakBytes, pssBytes },
    isStable,
    decided,
    engineVersion,
  };
}

async function decideAfter(session: Session, decide: DecideRequest, callUs: number, onProgress: OnProgress) {
  const heldOut = await openHeldOut(decide.data, session);
  const windows =
    'windows' in decide ? decide.windows : Math.max(fewestWindows, Math.ceil((decide.budgetMs * 1000) / callUs));
  return decideWindows(session, heldOut, windows, decide.data.task, onProgress);
}

async function measurePaired(request: PairedRequest, onProgress: OnProgress): Promise<PairedResult> {
  const { baselinePath, modelPath, threads, feeds, budgetMs } = request;
  const start = async (path: string) =>
    (await startCalling(rotatingCall(await openSession(path, { threads }), feeds), onProgress)).call;
  const [baseline, variant] = [await start(baselinePath), await start(modelPath)];
  const warm = [await warmUp(baseline, warmUpMs, monotonicUs), await warmUp(variant, warmUpMs, monotonicUs)] as const;
  const times = await runPairedBlocks(baseline, variant, {
    baselineUs: warm[0].callUs,
    variantUs: warm[1].callUs,
    budgetMs,
    now: monotonicUs,
    onRound: onProgress,
  });
  return { kind: 'paired', ...times, isStable: warm.every(({ isStable }) => isStable) };
}

/** The same steps as `alone` on a model that is nothing but `Relu`. */
async function measureFloor({ threads }: FloorRequest): Promise<FloorResult> {
  const relu = graphOf({
    nodes: [node('Relu', ['x'], ['y'])],
    inputs: [valueInfo('x', 'float32', [1])],
    outputs: [valueInfo('y', 'float32', [1])],
  });
  const session = await openSession(encodeModel(modelOf(relu)), { threads });
  const call = rotatingCall(session, [syntheticFeeds(session.inputs)]);
  return { kind: 'floor', peakBytes: await peakAfterFirstCalls(call) };
}

type Run = Pick<AloneResult, 'latency' | 'throughputPerSecond'> & Pick<TrialMemory, 'pssBytes'>;

/** Runs one call after another for `durationMs`, in five slices; memory is read between them, where it disturbs nothing. */
async function runFor(call: Call, durationMs: number): Promise<Run> {
  const [times, pss]: [number[], number[]] = [[], []];
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
    throughputPerSecond: (times.length / busyUs) * 1e6,
    pssBytes: Number.isNaN(pssBytes) ? null : pssBytes,
  };
}

/** At most five a second: a sign of life must not disturb what is timed. */
function progressSender(): OnProgress {
  let [lastMs, reached] = [0, 0];
  return (fraction = reached) => {
    reached = fraction;
    const nowMs = performance.now();
    if (nowMs - lastMs < 200) return;
    lastMs = nowMs;
    void sendToParent({ kind: 'progress', fraction });
  };
}

function sendToParent(event: TrialEvent): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(event, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}
