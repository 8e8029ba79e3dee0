/** The candidate decides beside the active model until enough live windows have been compared with its float32. */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { Pipeline } from '../../runtime/data/pipeline.ts';
import type { ShadowSpec } from '../../runtime/infer/messages.ts';
import { describeTally, exceeds, type Tally } from '../drift/disagreement.ts';
import { disagreement } from '../drift/life-watch.ts';
import type { Watched } from '../drift/watched.ts';
import type { Ports } from '../ports.ts';

export type ShadowingRequest = {
  readonly spec: ShadowSpec;
  readonly windows: number;
  readonly pipeline: Pipeline;
  readonly watched: Watched;
  readonly tally: () => Tally;
  readonly onProgress: (tally: Tally) => void;
  readonly signal: AbortSignal;
};

const pollMs = 100;
/** Beyond the time that the windows take: a sensor may pause. */
const patienceMs = 60_000;

/** @returns what was seen in words, or why the candidate must not take over. @throws the signal's reason. */
export async function compareLive(
  clock: Ports['clock'],
  { spec, windows, pipeline, watched, tally, onProgress, signal }: ShadowingRequest,
): Promise<{ readonly evidence: string } | { readonly error: ErrorRecord }> {
  const { window, rateHz } = pipeline;
  const windowsMs = (1000 * (window.samples + (windows / spec.share) * window.stride)) / rateHz;
  const dueMs = clock.monotonicMs() + patienceMs + 2 * windowsMs;
  for (let seen = -1; ; ) {
    const sum = tally();
    if (sum.windows !== seen) onProgress(sum);
    seen = sum.windows;
    const isOver = sum.windows >= windows || clock.monotonicMs() >= dueMs;
    if (isOver && exceeds(sum, watched.disagreementLimit)) return { error: disagreement(watched, sum) };
    // A silent sensor tells nothing against the candidate; what was held out has judged it.
    if (isOver) return { evidence: `${watched.variant}: ${describeTally(sum)}` };
    await clock.sleep(pollMs, signal);
  }
}
