/**
 * One measurement in a fresh process: sessions leak, and where the allocator put things shows in the figures, so that what
 * is compared is measured in several processes.
 */

import { openSamples } from '../../../runtime/data/open-samples.ts';
import { profileModel } from '../../../runtime/engine/profile.ts';
import { openSession, type Session } from '../../../runtime/engine/session.ts';
import type { Feeds } from '../../../runtime/graph/tensor.ts';
import { decideWindows } from '../../../runtime/measure/decide.ts';
import { median } from '../../../runtime/measure/statistics.ts';
import { callsPerReading, clockTickUs, monotonicUs, timeCalls, warmUp } from '../../../runtime/measure/timing.ts';
import { chooseFeeds, rotatingCall } from '../../../runtime/measure/trial-feeds.ts';
import type {
  DecideRequest,
  DecideResult,
  MeasureRequest,
  MeasureResult,
  ShareRequest,
  ShareResult,
  TimeRequest,
  TimeResult,
} from './measure-messages.ts';

const warmUpMs = 500;
/** Calls of a block, and how many of them are dropped: they find the caches as the model before left them. */
const blockCalls = 60;
const droppedCalls = 6;
/** A slow model shall not take all the time; a block of it may be shorter. */
const blockBudgetUs = 60_000;
const fewestCalls = 10;

async function time({ models, dataFolder, batch, rounds }: TimeRequest): Promise<TimeResult> {
  const tickUs = clockTickUs(monotonicUs);
  const sides = await Promise.all(
    models.map(async ({ path }) => {
      const session = await openSession(path);
      const call = rotatingCall(session, await feedsFor(session, dataFolder, batch));
      const { callUs } = await warmUp(call, warmUpMs, monotonicUs);
      const calls = Math.max(fewestCalls, Math.min(blockCalls, Math.floor(blockBudgetUs / callUs)));
      return { call, calls, perReading: callsPerReading(callUs, tickUs) };
    }),
  );
  const measured: number[][] = [];
  for (let round = 0; round < rounds; round++) {
    const times = new Array<number>(sides.length);
    // Who goes first, and so whom each one follows, changes from round to round.
    for (const [at, side] of turned([...sides.entries()], round)) {
      const { call, calls, perReading } = side;
      times[at] = median((await timeCalls(call, calls, perReading, monotonicUs)).slice(droppedCalls));
    }
    measured.push(times);
  }
  return { kind: 'time', rounds: measured };
}

/** Rotated by `round`, and every second time reversed. */
function turned<T>(values: readonly T[], round: number): T[] {
  const start = round % values.length;
  const rotated = [...values.slice(start), ...values.slice(0, start)];
  return round % 2 === 0 ? rotated : rotated.reverse();
}

async function feedsFor({ inputs }: Session, dataFolder: string, batch: number): Promise<readonly Feeds[]> {
  return chooseFeeds(await openSamples(dataFolder, { inputs }), batch);
}

async function decide({ models, dataFolder, task }: DecideRequest): Promise<DecideResult> {
  const decided = [];
  for (const { path } of models) {
    const session = await openSession(path);
    const samples = await openSamples(dataFolder, { inputs: session.inputs });
    const known = task === 'classify' ? undefined : ({ kind: task } as const);
    decided.push(await decideWindows(session, samples, samples.count, known, () => {}));
    await session.close();
  }
  return { kind: 'decide', decided };
}

/** Recurrent layers are matrix products, one for each step. */
const heavyOperator = /Conv|MatMul|Gemm|LSTM|GRU|RNN|Attention/;

/** Their time is that of the nodes in their bodies, which are listed, too. */
const controlFlow = new Set(['If', 'Loop', 'Scan']);

async function share({ path, dataFolder }: ShareRequest): Promise<ShareResult> {
  const { inputs } = await openSession(path);
  const feeds = await (await openSamples(dataFolder, { inputs })).feeds(0);
  const nodes = (await profileModel(path, feeds, 300)).filter(({ opType }) => !controlFlow.has(opType));
  const total = (wanted: typeof nodes) => wanted.reduce((sum, { meanUs }) => sum + meanUs, 0);
  return { kind: 'share', share: total(nodes.filter(({ opType }) => heavyOperator.test(opType))) / total(nodes) };
}

function answer(request: MeasureRequest): Promise<MeasureResult> {
  switch (request.kind) {
    case 'time':
      return time(request);
    case 'decide':
      return decide(request);
    case 'share':
      return share(request);
    default:
      return request satisfies never;
  }
}

process.once('message', async (request: MeasureRequest) => {
  process.send?.(await answer(request), () => process.disconnect());
});
