/**
 * Calls compared in alternating blocks: heat, clock changes and neighbours hit all alike and cancel in each round's
 * ratios, while a block is long enough for one model not to run on the others' cold caches.
 */
import type { LatencySummary, Round } from './messages.ts';
import { type Estimate, median, medianEstimate } from './statistics.ts';
import { type Call, callsPerReading, clockTickUs, type NowUs, summarizeTimes, timeCalls } from './timing.ts';

export type PairedTimes = {
  readonly baseline: LatencySummary;
  readonly variant: LatencySummary;
  readonly rounds: readonly Round[];
  readonly callsPerBlock: number;
};

export type PairedOptions = {
  readonly baselineUs: number;
  readonly variantUs: number;
  readonly budgetMs: number;
  readonly now: NowUs;
  /** Called after each round, with the share of the budget that is spent. */
  readonly onRound?: (fraction: number) => void;
};

/** One baseline and one variant: what `runBlocks` does with several. */
export async function runPairedBlocks(
  callBaseline: Call,
  callVariant: Call,
  { baselineUs, variantUs, ...options }: PairedOptions,
): Promise<PairedTimes> {
  const sides = [{ call: callVariant, callUs: variantUs }];
  const { baseline, variants, callsPerBlock } = await runBlocks(
    { call: callBaseline, callUs: baselineUs },
    sides,
    options,
  );
  const { latency, rounds } = variants[0]!;
  return { baseline, variant: latency, rounds, callsPerBlock };
}

/** A model that is warm. */
export type Side = { readonly call: Call; readonly callUs: number };

export type BlockTimes = {
  readonly baseline: LatencySummary;
  /** In the order given; the rounds are shared, the ratios are each one's own. */
  readonly variants: readonly { readonly latency: LatencySummary; readonly rounds: readonly Round[] }[];
  readonly callsPerBlock: number;
};

/** Fewer rounds than six have no 95 % interval; eight leave room for one outlier. */
const fewestRounds = 8;

/**
 * Rounds of one block each, in turn forwards (the baseline first) and backwards, until the budget is spent and eight are done.
 * @param options `budgetMs` is for all of them together.
 */
export async function runBlocks(
  baseline: Side,
  variants: readonly Side[],
  { budgetMs, now, onRound }: Pick<PairedOptions, 'budgetMs' | 'now' | 'onRound'>,
): Promise<BlockTimes> {
  const tickUs = clockTickUs(now);
  const sides = [baseline, ...variants];
  const calls = blockCalls(Math.max(...sides.map(({ callUs }) => callUs)), budgetMs, sides.length);
  const perReading = sides.map(({ callUs }) => callsPerReading(callUs, tickUs));
  /** By side, by round: what was kept of the block. */
  const blocks = sides.map((): number[][] => []);
  const forwards = sides.map((_, at) => at);
  const fromUs = now();
  const spent = () => (now() - fromUs) / (budgetMs * 1000);
  const roundsDone = () => blocks[0]!.length;
  while (roundsDone() < fewestRounds || spent() < 1) {
    for (const at of roundsDone() % 2 === 0 ? forwards : forwards.toReversed()) {
      const times = await timeCalls(sides[at]!.call, calls, perReading[at]!, now);
      blocks[at]!.push(times.slice(droppedCalls(calls)));
    }
    onRound?.(Math.min(1, spent(), roundsDone() / fewestRounds));
  }
  const [ofBaseline, ...ofVariants] = blocks.map(summarizeBlocks) as [BlockSummary, ...BlockSummary[]];
  return {
    baseline: ofBaseline.latency,
    variants: ofVariants.map(({ latency, medians, means }) => ({
      latency,
      rounds: medians.map((variantP50Us, round) => ({
        baselineFirst: round % 2 === 0,
        baselineP50Us: ofBaseline.medians[round]!,
        variantP50Us,
        baselineMeanUs: ofBaseline.means[round]!,
        variantMeanUs: means[round]!,
      })),
    })),
    callsPerBlock: calls,
  };
}

type BlockSummary = {
  readonly latency: LatencySummary;
  readonly medians: readonly number[];
  readonly means: readonly number[];
};

function summarizeBlocks(blocks: readonly (readonly number[])[]): BlockSummary {
  const means = blocks.map((times) => times.reduce((sum, time) => sum + time, 0) / times.length);
  // The median block's mean: one neighbour's burst would otherwise decide the throughput.
  return {
    latency: { ...summarizeTimes(blocks.flat()), meanUs: median(means) },
    medians: blocks.map(median),
    means,
  };
}

/**
 * What rounds of one process cannot see: where the allocator put things. In 24 comparisons of a model with itself the ratio
 * lay between 0.987 and 1.005, and the rounds' own interval missed 1 in half of them; with this margin in none.
 */
const processSpread = 0.015;

/**
 * float32's time over the variant's: above 1 is faster. From medians (latency), or from means (throughput).
 * @param batch samples in one call of the variant, against one of float32.
 */
export function speedupOf(rounds: readonly Round[], of: 'latency' | 'throughput', batch = 1): Estimate {
  const ratios = rounds.map(
    (round) =>
      batch *
      (of === 'latency' ? round.baselineP50Us / round.variantP50Us : round.baselineMeanUs / round.variantMeanUs),
  );
  const { value, low, high } = medianEstimate(ratios);
  return { value, low: low * (1 - processSpread), high: high * (1 + processSpread) };
}

/** With fewer, a block in which the processor was taken away once or twice has no median worth the name. */
const fewestCalls = { ofFast: 12, ofSlow: 3, slowUs: 5000 };

/** 100 calls a block; fewer when the slowest model would not get through twenty blocks in the budget. */
export function blockCalls(slowestUs: number, budgetMs: number, sides = 2): number {
  const fewest = slowestUs < fewestCalls.slowUs ? fewestCalls.ofFast : fewestCalls.ofSlow;
  return Math.min(100, Math.max(fewest, Math.floor((budgetMs * 1000) / (20 * sides) / slowestUs)));
}

/** The first tenth of a block finds the caches as the other models left them. */
function droppedCalls(calls: number): number {
  return Math.ceil(calls / 10);
}
