/** One race from its entries to its answer: what a search, a confirmation and a repetition have in common. */
import type { Clock } from '../base/clock.ts';
import type { LatencySummary } from '../measure/messages.ts';
import { type Choice, choose } from './choose.ts';
import type { Contender } from './contender.ts';
import type { Evidence } from './evidence.ts';
import { contenderFrom, type Measured } from './measured.ts';
import type { Proposal, Subject } from './propose.ts';
import { type Measurements, type RaceOptions, race } from './race.ts';
import { doubtsOf } from './record.ts';

/** How the answer was looked for; the rounds are the race's own. */
export type SearchKind = Omit<Evidence['search'], 'rounds'>;

/** A race that is over, with its answer. */
export type Settled = {
  readonly proposal: Proposal;
  readonly search: SearchKind;
  readonly measurements: Measurements;
  readonly choice: Choice;
  readonly contenders: readonly Contender[];
};

export type Timing = {
  readonly clock: Clock;
  /** When the selection began, by the monotonic clock. */
  readonly fromMs: number;
  readonly strategy: RaceOptions['strategy'];
};

/** However long the building took, measuring gets this much. */
const leastMeasuringMs = 5000;

/** @throws what `race` throws. */
export async function settle(
  { request, prepared, onProgress, signal, niceness, hardware, timeMs }: Subject,
  { clock, fromMs, strategy }: Timing,
  proposal: Proposal,
  search: SearchKind,
): Promise<Settled> {
  const leastMs = clock.monotonicMs() + leastMeasuringMs;
  const deadlineMs = strategy === 'exhaustive' ? Number.MAX_SAFE_INTEGER : Math.max(leastMs, fromMs + timeMs);
  const measurements = await race(request, prepared, proposal.entries, {
    ...{ onProgress, niceness, clock, fromMs, deadlineMs },
    ...(signal ? { signal } : {}),
    ...(strategy ? { strategy } : {}),
  });
  const { measured, floorBytes } = measurements;
  const p95Us = float32Latency(measured).p95Us;
  const contenders = measured.map((entry, at) => contenderFrom(entry, at === 0, floorBytes, p95Us));
  const choice = doubtful(choose(contenders, request), doubtsOf(measured, hardware.cpu.cores));
  return { proposal, search, measurements, choice, contenders };
}

/** float32's times in the comparison with one contender; else in the longest comparison there was; else alone. */
export function float32Latency([usual, ...others]: readonly Measured[], against?: string): LatencySummary {
  const compared = others.flatMap(({ name, paired }) => (paired ? { name, latency: paired.result.baseline } : []));
  const longest = compared.toSorted((a, b) => b.latency.calls - a.latency.calls)[0];
  const best = compared.find(({ name }) => name === against) ?? longest;
  return best?.latency ?? usual!.alone!.result.latency;
}

/** Figures from a throttled or crowded board are used, but not silently. */
function doubtful(choice: Choice, doubts: readonly string[]): Choice {
  return doubts.length === 0 ? choice : { ...choice, verdict: `${choice.verdict} Doubtful: ${doubts.join(', ')}.` };
}
