/**
 * Quick comparisons inside this process, to find a way through many alternatives: each challenger runs in alternating blocks with
 * the fastest so far. What a search ends with is measured again in a fresh process before anybody relies on it.
 */
import { openSession, type Session } from '../../engine/session.ts';
import type { Feeds } from '../../graph/tensor.ts';
import { runPairedBlocks, speedupOf } from '../../measure/paired-blocks.ts';
import { median } from '../../measure/statistics.ts';
import { type Call, monotonicUs, timeCalls } from '../../measure/timing.ts';
import { rotatingCall } from '../../measure/trial-feeds.ts';

export type RaceSettings = {
  readonly feeds: readonly Feeds[];
  readonly threads: number;
  /** For one comparison, warm-up aside. */
  readonly budgetMs: number;
};

/** A model that is open to be timed. */
export type Runner = { readonly session: Session; readonly call: Call; readonly callUs: number };

/** Opens a model and warms it up. @throws what ONNX Runtime throws. */
export async function openRunner(source: string | Uint8Array, { feeds, threads }: RaceSettings): Promise<Runner> {
  const session = await openSession(source, { threads });
  const call = rotatingCall(session, feeds);
  // The first calls allocate and pack weights.
  const [firstUs = 0] = await timeCalls(call, 1, 1, monotonicUs);
  const calls = Math.max(3, Math.min(100, Math.floor(20_000 / firstUs)));
  const times = await timeCalls(call, calls, 1, monotonicUs);
  return { session, call, callUs: median(times) };
}

/** The champion's time over the challenger's, median over rounds: above 1 the challenger is faster. */
export async function compare(champion: Runner, challenger: Runner, { budgetMs }: RaceSettings): Promise<number> {
  const { rounds } = await runPairedBlocks(champion.call, challenger.call, {
    baselineUs: champion.callUs,
    variantUs: challenger.callUs,
    budgetMs,
    now: monotonicUs,
  });
  return speedupOf(rounds, 'latency').value;
}
