/** The trials of a record as the report's parts need them: numbered, comparable, and sorted by what was asked for. Pure. */
import type { Evidence } from '../evidence.ts';
import type { Fate, TrialEvidence } from '../trial-evidence.ts';

export type Contender = TrialEvidence & {
  /** As it stands in all plots and tables. */
  readonly number: number;
  /** The model itself under the usual settings: what all others are compared with. */
  readonly isBaseline: boolean;
  /**
   * Time of one sample, microseconds: float32's median over the speed-up, with its interval. What drifted between two trials
   * is not in it. Null where nothing was timed.
   */
  readonly sampleUs: { readonly value: number; readonly low: number; readonly high: number } | null;
};

export type Latency = NonNullable<TrialEvidence['alone']>['latency'];

export function contendersOf({ trials, chosen }: Evidence): Contender[] {
  const [baseline] = trials;
  const referenceUs = float32LatencyOf({ trials, chosen })?.p50Us;
  return trials.map((trial, at) => ({
    ...trial,
    number: at + 1,
    isBaseline: trial === baseline,
    sampleUs: referenceUs === undefined ? null : sampleTime(trial, trial === baseline, referenceUs),
  }));
}

/** float32's times beside the chosen one, else beside whatever was compared last, else alone. */
export function float32LatencyOf({ trials, chosen }: Pick<Evidence, 'trials' | 'chosen'>): Latency | undefined {
  const compared = trials.filter(({ paired }) => paired !== null);
  const best = compared.find(({ name }) => name === chosen) ?? compared.at(-1);
  return best?.paired?.float32 ?? trials[0]?.alone?.latency;
}

/** Of one call: in the comparison that counts; alone where there was none. */
export function latencyOf({ paired, alone, isBaseline }: Contender, evidence: Evidence): Latency | undefined {
  if (isBaseline) return float32LatencyOf(evidence);
  return paired?.variant ?? alone?.latency;
}

function sampleTime({ paired }: TrialEvidence, isBaseline: boolean, referenceUs: number): Contender['sampleUs'] {
  if (isBaseline) return { value: referenceUs, low: referenceUs, high: referenceUs };
  if (paired === null || paired.speedup.value <= 0) return null;
  const { value, low, high } = paired.speedup;
  const [fastest, slowest] = [referenceUs / high, referenceUs / low];
  const timeUs = referenceUs / value;
  return {
    value: timeUs,
    low: fastest > 0 ? fastest : timeUs,
    high: Number.isFinite(slowest) ? slowest : timeUs,
  };
}

/** In a word or two, for people. */
export const fateWords = {
  chosen: 'chosen',
  beaten: 'met, not best',
  refused: 'missed a demand',
  left: 'left early',
  failed: 'failed',
  untimed: 'no time left',
} as const satisfies Record<Fate, string>;
