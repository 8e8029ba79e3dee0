/** What is chosen among, and what is demanded of it: the words that the choice, the constraints and the race share. */
import type { AccuracyJudgement } from '../measure/accuracy.ts';
import type { Estimate } from '../measure/statistics.ts';
import type { Constraints, Objective } from './selection.ts';

/**
 * What the choice needs to know of one contender. The first of a list is float32 under the usual settings, the others follow from
 * simple to involved. Null is what was not measured.
 */
export type Contender = {
  readonly name: string;
  /** The model itself, under whatever settings: nothing to lose in accuracy. */
  readonly isFloat32: boolean;
  readonly peakMemoryBytes: number | null;
  readonly memoryIncrementBytes: number | null;
  readonly latencyP95Us: number | null;
  /** float32's time for a sample over this one's: above 1 is faster. 1 exactly for the first. */
  readonly speedup: Estimate | null;
  /** The same from means, which is what throughput consists of. */
  readonly throughputGain: Estimate | null;
  readonly joulesPerSample: Estimate | null;
  /** Null for float32, which is what accuracy is measured against. */
  readonly accuracy: AccuracyJudgement | null;
  /** Why there are no figures: it crashed, hung, could not be built. */
  readonly failure: string | null;
  /** In how many rounds of the race it took part. */
  readonly rounds: number;
};

export type Demands = Constraints & { readonly objective: Objective };
