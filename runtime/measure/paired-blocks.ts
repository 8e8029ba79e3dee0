/**
 * Two calls compared in alternating blocks: heat, clock changes and neighbours hit both alike and cancel in each round's
 * ratio, while a block is long enough for one model not to run on the other's cold caches.
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

/** Fewer rounds than six have no 95 % interval; eight leave room for one outlier. */
const fewestRounds = 8;

/** Runs rounds of one block each, who goes first changing every round, until the budget is spent and eight are done. */
export async function runPairedBlocks(
  callBaseline: Call,
  callVariant: Call,
  { baselineUs, variantUs, budgetMs, now, onRound }: PairedOptions,
): Promise<PairedTimes> {
  const calls = blockCalls(Math.max(baselineUs, variantUs), budgetMs);
  const tickUs = clockTickUs(now);
  const sides = {
    baseline: { call: callBaseline, perReading: callsPerReading(baselineUs, tickUs), times: [] as number[] },
    variant: { call: callVariant, perReading: callsPerReading(variantUs, tickUs), times: [] as number[] },
  };
  const block = async ({ call, perReading, times }: (typeof sides)['baseline']) => {
    const kept = (await timeCalls(call, calls, perReading, now)).slice(droppedCalls(calls));
    times.push(...kept);
    return kept;
  };
  const rounds: Round[] = [];
  const fromUs = now();
  const spent = () => (now() - fromUs) / (budgetMs * 1000);
  while (rounds.length < fewestRounds || spent() < 1) {
    const baselineFirst = rounds.length % 2 === 0;
    const [first, second] = baselineFirst ? [sides.baseline, sides.variant] : [sides.variant, sides.baseline];
    const [firstTimes, secondTimes] = [await block(first), await block(second)];
    rounds.push(roundFrom(baselineFirst, firstTimes, secondTimes));
    onRound?.(Math.min(1, spent(), rounds.length / fewestRounds));
  }
  // The median block's mean: one neighbour's burst would otherwise decide the throughput.
  const baselineMeanUs = median(rounds.map((round) => round.baselineMeanUs));
  const variantMeanUs = median(rounds.map((round) => round.variantMeanUs));
  return {
    baseline: { ...summarizeTimes(sides.baseline.times), meanUs: baselineMeanUs },
    variant: { ...summarizeTimes(sides.variant.times), meanUs: variantMeanUs },
    rounds,
    callsPerBlock: calls,
  };
}

/**
 * What rounds of one process cannot see: where the allocator put things. In 24 comparisons of a model with itself the ratio
 * lay between 0.987 and 1.005, and the rounds' own interval missed 1 in half of them; with this margin in none.
 */
const processSpread = 0.015;

/** float32's time over the variant's: above 1 is faster. From medians (latency), or from means (throughput). */
export function speedupOf(rounds: readonly Round[], of: 'latency' | 'throughput'): Estimate {
  const ratios = rounds.map((round) =>
    of === 'latency' ? round.baselineP50Us / round.variantP50Us : round.baselineMeanUs / round.variantMeanUs,
  );
  const { value, low, high } = medianEstimate(ratios);
  return { value, low: low * (1 - processSpread), high: high * (1 + processSpread) };
}

/** 100 calls a block; fewer when the slower model would not get through twenty blocks in the budget, but three at least. */
export function blockCalls(slowerUs: number, budgetMs: number): number {
  return Math.min(100, Math.max(3, Math.floor((budgetMs * 1000) / 40 / slowerUs)));
}

/** The first tenth of a block finds the caches as the other model left them. */
function droppedCalls(calls: number): number {
  return Math.ceil(calls / 10);
}

function roundFrom(baselineFirst: boolean, first: readonly number[], second: readonly number[]): Round {
  const [baseline, variant] = baselineFirst ? [first, second] : [second, first];
  const mean = (times: readonly number[]) => times.reduce((sum, time) => sum + time, 0) / times.length;
  return {
    baselineFirst,
    baselineP50Us: median(baseline),
    variantP50Us: median(variant),
    baselineMeanUs: mean(baseline),
    variantMeanUs: mean(variant),
  };
}
