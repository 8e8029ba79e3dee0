/** What the trials of a selection know of one variant, and its translation into what the choice and the table need. */
import type { AccuracyJudgement } from '../measure/accuracy.ts';
import type { Conditions } from '../measure/conditions.ts';
import type { AloneResult, LatencySummary, PairedResult } from '../measure/messages.ts';
import { speedupOf } from '../measure/paired-blocks.ts';
import type { Estimate } from '../measure/statistics.ts';
import type { NodeOutcome } from '../quantize/messages.ts';
import type { Recipe } from '../quantize/recipe.ts';
import type { Choice, Contender } from './choose.ts';
import type { VariantRow } from './selection.ts';

/** A variant as it lies on disk. */
export type VariantFile = {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Null for float32. */
  readonly recipe: Recipe | null;
  readonly outcomes: readonly NodeOutcome[];
};

/** A result and the conditions around it. */
export type Observed<T> = { readonly result: T; readonly before: Conditions; readonly after: Conditions };

export type Measured = VariantFile & {
  readonly alone: Observed<AloneResult> | null;
  /** The comparison with float32 that counts: the long one where there was one. Null for float32. */
  readonly paired: Observed<PairedResult> | null;
  /** Against float32's decisions; for float32 against its own. Null where it was not measured. */
  readonly accuracy: AccuracyJudgement | null;
  readonly failure: string | null;
};

const equal: Estimate = { value: 1, low: 1, high: 1 };

export function contenderFrom({ name, recipe, alone, paired, accuracy, failure }: Measured): Contender {
  const gain = (of: 'latency' | 'throughput') => {
    if (recipe === null) return equal;
    return paired ? speedupOf(paired.result.rounds, of) : null;
  };
  return {
    name,
    peakMemoryBytes: alone?.result.memory.peakBytes ?? 0,
    speedup: gain('latency'),
    throughputGain: gain('throughput'),
    accuracy: recipe === null ? null : accuracy,
    failure,
  };
}

/**
 * @param floorBytes peak memory of a model of one node.
 * @param float32Latency float32's times in the run that counts, so that the two rows that matter most come from one run.
 */
export function rowFrom(
  measured: Measured,
  choice: Choice,
  floorBytes: number,
  float32Latency: LatencySummary,
): VariantRow {
  const { name, sha256, sizeBytes, recipe, alone, paired, accuracy } = measured;
  const latency = recipe === null ? float32Latency : paired?.result.variant;
  const peakMemoryBytes = alone?.result.memory.peakBytes ?? 0;
  return {
    variant: name,
    sha256,
    sizeBytes,
    p50Us: latency?.p50Us ?? 0,
    p90Us: latency?.p90Us ?? 0,
    p99Us: latency?.p99Us ?? 0,
    speedup: contenderFrom(measured).speedup?.value ?? 0,
    throughputPerSecond: latency ? 1e6 / latency.meanUs : 0,
    loadMs: alone?.result.loadMs ?? 0,
    peakMemoryBytes,
    memoryIncrementBytes: Math.max(0, peakMemoryBytes - floorBytes),
    accuracy: accuracy?.accuracy ?? null,
    agreement: accuracy?.agreement ?? null,
    heldOutWindows: alone?.result.decided?.windows ?? 0,
    chosen: choice.chosen === name,
    reason: choice.reasons[name] ?? '',
  };
}
