/** What the trials of a selection know of one contender, and its translation into what the choice and the table need. */
import type { AccuracyJudgement } from '../measure/accuracy.ts';
import type { Conditions } from '../measure/conditions.ts';
import type { AloneResult, LatencySummary, Round } from '../measure/messages.ts';
import { speedupOf } from '../measure/paired-blocks.ts';
import type { SessionSettings } from '../measure/session-settings.ts';
import type { Estimate } from '../measure/statistics.ts';
import type { AnyRecipe } from '../quantize/auto/composed-recipe.ts';
import type { NodeOutcome } from '../quantize/messages.ts';
import type { Choice } from './choose.ts';
import type { Contender } from './contender.ts';
import type { Energy } from './energy.ts';
import type { VariantRow } from './selection.ts';

/** A variant as it lies on disk. */
export type VariantFile = {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Null for float32. */
  readonly recipe: AnyRecipe | null;
  readonly outcomes: readonly NodeOutcome[];
};

/** A variant under session settings: what is measured and chosen. */
export type Entry = {
  /** Unique: the variant's, with its settings where they are not the usual ones. */
  readonly name: string;
  readonly variant: VariantFile;
  readonly settings: SessionSettings;
};

/** A result and the conditions around it. */
export type Observed<T> = { readonly result: T; readonly before: Conditions; readonly after: Conditions };

/** A contender's part in a comparison with float32. */
export type Paired = {
  readonly baseline: LatencySummary;
  readonly latency: LatencySummary;
  /** Of all comparisons there were; the rest is of the last one. */
  readonly rounds: readonly Round[];
  readonly callsPerBlock: number;
  readonly isStable: boolean;
};

export type Measured = Entry & {
  readonly alone: Observed<AloneResult> | null;
  readonly energy: Energy | null;
  /** The last, and longest, comparison with float32. Null for float32 under the usual settings. */
  readonly paired: Observed<Paired> | null;
  /** Against float32's decisions; for float32 against its own. Null where it was not measured. */
  readonly accuracy: AccuracyJudgement | null;
  readonly failure: string | null;
  /** In how many rounds of the race it took part. */
  readonly rounds: number;
};

const equal: Estimate = { value: 1, low: 1, high: 1 };

export function gainOf({ paired, settings }: Measured, of: 'latency' | 'throughput'): Estimate | null {
  return paired && speedupOf(paired.result.rounds, of, settings.batch);
}

/**
 * @param isUsual whether it is float32 under the usual settings, which all are compared with.
 * @param float32P95Us of float32 where it was compared with others.
 */
export function contenderFrom(
  measured: Measured,
  isUsual: boolean,
  floorBytes: number,
  float32P95Us: number,
): Contender {
  const { name, variant, alone, energy, paired, accuracy, failure, rounds } = measured;
  const peakMemoryBytes = alone?.result.memory.peakBytes ?? null;
  return {
    name,
    isFloat32: variant.recipe === null,
    peakMemoryBytes,
    memoryIncrementBytes: peakMemoryBytes === null ? null : Math.max(0, peakMemoryBytes - floorBytes),
    latencyP95Us: isUsual ? float32P95Us : (paired?.result.latency.p95Us ?? null),
    speedup: isUsual ? equal : gainOf(measured, 'latency'),
    throughputGain: isUsual ? equal : gainOf(measured, 'throughput'),
    joulesPerSample: energy?.joulesPerSample ?? null,
    accuracy: variant.recipe === null ? null : accuracy,
    failure,
    rounds,
  };
}

/** @param float32Latency float32's times in the run that counts, so that the two rows that matter most come from one run. */
export function rowFrom(
  measured: Measured,
  contender: Contender,
  choice: Choice,
  isUsual: boolean,
  float32Latency: LatencySummary,
): VariantRow {
  const { name, variant, settings, alone, paired, accuracy } = measured;
  const latency = isUsual ? float32Latency : paired?.result.latency;
  return {
    variant: name,
    settings,
    sha256: variant.sha256,
    sizeBytes: variant.sizeBytes,
    p50Us: latency?.p50Us ?? 0,
    p90Us: latency?.p90Us ?? 0,
    p95Us: latency?.p95Us ?? 0,
    p99Us: latency?.p99Us ?? 0,
    speedup: contender.speedup?.value ?? 0,
    throughputPerSecond: latency ? (1e6 / latency.meanUs) * settings.batch : 0,
    loadMs: alone?.result.loadMs ?? 0,
    peakMemoryBytes: contender.peakMemoryBytes ?? 0,
    memoryIncrementBytes: contender.memoryIncrementBytes ?? 0,
    accuracy: accuracy?.accuracy ?? null,
    agreement: accuracy?.agreement ?? null,
    heldOutWindows: accuracy?.windows ?? 0,
    chosen: choice.chosen === name,
    fate: choice.fates[name] ?? 'untimed',
    reason: choice.reasons[name] ?? '',
  };
}
