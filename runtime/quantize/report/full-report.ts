/** Everything that the page tells: both models compared, timed against each other, and how one was made from the other. */
import type { PairReport } from '../inspect/inspect-pair.ts';
import type { PairLatency } from './latency.ts';

export type FullReport = PairReport & {
  readonly latency: PairLatency;
  /** What the file beside the quantised model says about how it was made; null where there is none. */
  readonly recipe: unknown;
  /** `onnxruntime 1.30.0, linux x64`. */
  readonly machine: string;
};
