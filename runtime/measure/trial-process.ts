/**
 * The trial: a child process that measures one request and ends. Fresh for every measurement, because only a fresh process
 * has an honest peak of memory, and a crash in native code must cost no more than this one figure.
 */
import { endWithParent } from '../base/children.ts';
import { errorRecordFrom, OctetError } from '../base/errors.ts';
import { engineVersion, openSession } from '../engine/session.ts';
import { graphOf, modelOf, node, valueInfo } from '../graph/build.ts';
import { encodeModel } from '../graph/save.ts';
import { requireSupportedPlatform } from '../hardware/platform.ts';
import { measureAlone } from './alone-trial.ts';
import { measureBench } from './bench-trial.ts';
import { guessTask } from './guess-task.ts';
import type {
  FloorRequest,
  FloorResult,
  PairedRequest,
  PairedResult,
  PrepareRequest,
  PrepareResult,
  RaceResult,
  TrialEvent,
  TrialRequest,
  TrialResult,
} from './messages.ts';
import { summarizeModel } from './model-summary.ts';
import { peakAfterFirstCalls } from './peak-memory.ts';
import { canBatch } from './query.ts';
import { measureRace } from './race-trial.ts';
import { plainSettings } from './session-settings.ts';
import type { OnProgress } from './sign-of-life.ts';
import { chooseFeeds, openHeldOut, rotatingCall, syntheticFeeds } from './trial-feeds.ts';

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
    case 'race':
      return measureRace(request, onProgress);
    case 'floor':
      return measureFloor(request);
    case 'bench':
      return measureBench(request, onProgress);
    default:
      return request satisfies never;
  }
}

async function prepare({ modelPath, data }: PrepareRequest): Promise<PrepareResult> {
  const session = await openSession(modelPath);
  const heldOut = await openHeldOut(data, session);
  const [feeds, summary] = [await chooseFeeds(heldOut), await summarizeModel(modelPath)];
  const task = data.task ?? (await guessTask(session, heldOut));
  return {
    kind: 'prepare',
    feeds,
    heldOutWindows: heldOut.count,
    summary,
    task: task ?? null,
    canBatch: canBatch(session.inputs, feeds),
    engineVersion,
  };
}

async function measurePaired(request: PairedRequest, onProgress: OnProgress): Promise<PairedResult> {
  const { baselinePath, modelPath, threads, feeds, budgetMs } = request;
  const settings = plainSettings(threads);
  const sides = { baseline: { modelPath: baselinePath, settings }, variants: [{ modelPath, settings }] };
  const { baseline, variants, callsPerBlock } = await measureRace(
    { kind: 'race', ...sides, feeds, budgetMs },
    onProgress,
  );
  const [{ latency: variant, rounds, isStable }] = variants as [RaceResult['variants'][0]];
  return { kind: 'paired', baseline, variant, rounds, callsPerBlock, isStable };
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
