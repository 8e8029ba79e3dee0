/** Float and quantised model timed against each other in one fresh process, in alternating blocks. */
import type { Samples } from '../../data/samples.ts';
import type { PairedResult } from '../../measure/messages.ts';
import { speedupOf } from '../../measure/paired-blocks.ts';
import type { Estimate } from '../../measure/statistics.ts';
import { runTrial } from '../../measure/trial.ts';
import { chooseFeeds } from '../../measure/trial-feeds.ts';

export type PairLatency =
  | {
      readonly ok: true;
      readonly float: PairedResult['baseline'];
      readonly quantized: PairedResult['variant'];
      /** Float's time over the quantised model's. */
      readonly speedup: Estimate;
    }
  | { readonly ok: false; readonly reason: string };

const threads = 1;
const budgetMs = 3000;

/** A trial that fails is a line in the report, not the end of it. @throws only the signal's reason. */
export async function measureLatency(
  floatPath: string,
  quantizedPath: string,
  samples: Samples,
  signal?: AbortSignal,
): Promise<PairLatency> {
  const feeds = await chooseFeeds(samples);
  const outcome = await runTrial(
    { kind: 'paired', baselinePath: floatPath, modelPath: quantizedPath, threads, feeds, budgetMs },
    { niceness: 0, ...(signal ? { signal } : {}) },
  );
  if (!outcome.ok) return { ok: false, reason: outcome.error.message };
  const { baseline, variant, rounds } = outcome.result;
  return { ok: true, float: baseline, quantized: variant, speedup: speedupOf(rounds, 'latency') };
}
