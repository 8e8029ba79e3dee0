/**
 * Successive halving, here by thirds: everyone is compared with float32 for a moment, the best third for longer, and so on, so that time
 * is spent where the answer lies. Pure: what to do next is a function of what is known. Whoever turns out to miss a constraint makes room
 * for the next one, so a fast but useless leader costs no good answer.
 * Source: Jamieson and Talwalkar, Non-stochastic Best Arm Identification, 2016.
 */
import { isTie, meritOf } from './choose.ts';
import { isHopeless } from './constraints.ts';
import type { Contender, Demands } from './contender.ts';

export type RoundPlan = {
  /** How many take part. */
  readonly entrants: number;
  /** For the comparison of each with float32, milliseconds. */
  readonly budgetMs: number;
};

export type Costs = {
  /** What a process costs before it measures. */
  readonly startMs: number;
  /** What judging a variant's accuracy and memory costs. */
  readonly gateMs: number;
  /** How many may share a process. */
  readonly together: number;
};

/** Less tells nothing; more tells nothing new. The first round only has to find those that may win. */
const limitsMs = { least: 120, first: 200, middle: 600, last: 1800 };
/** A share this large goes on. */
const kept = 1 / 3;
/** What an exhaustive search spends on each: what one would give a comparison that has to stand alone. */
const exhaustiveMs = 3500;

/** @param contenders without float32 under the usual settings; @param leftMs for all rounds. */
export function planRounds(contenders: number, leftMs: number, costs: Costs): RoundPlan[] {
  if (contenders === 0) return [];
  const sizes = fieldSizes(contenders);
  const gates = (sizes[1] ?? 0) * costs.gateMs;
  const starts = sizes.reduce((sum, size) => sum + Math.ceil(size / costs.together) * costs.startMs, 0);
  const shareMs = Math.max(0, leftMs - gates - starts) / sizes.length;
  return sizes.map((entrants, round) => {
    const isLast = round === sizes.length - 1;
    const mostMs = isLast ? limitsMs.last : round === 0 ? limitsMs.first : limitsMs.middle;
    return { entrants, budgetMs: Math.min(mostMs, Math.max(limitsMs.least, shareMs / entrants)) };
  });
}

/** 14 → 14, 5, 2; with two or fewer, all of them twice: briefly and for long. */
function fieldSizes(contenders: number): number[] {
  const sizes = [contenders];
  while (sizes.at(-1)! > 2) sizes.push(Math.max(2, Math.ceil(sizes.at(-1)! * kept)));
  return sizes.length > 1 ? sizes : [contenders, contenders];
}

/** Everyone, judged, and compared for long. For checking the race against. */
export function planExhaustive(contenders: number): RoundPlan[] {
  return contenders === 0 ? [] : [{ entrants: contenders, budgetMs: exhaustiveMs }];
}

/** How far behind the best one with a flawless record a contender still gets another comparison. */
const reach = 0.97;

/**
 * Who takes part next in a round after the first: the best of those that were not asked in this round and may still become the answer;
 * nobody when the best of them is clearly behind one that has passed everything.
 */
export function nextEntrant(
  contenders: readonly Contender[],
  asked: ReadonlySet<string>,
  passed: ReadonlySet<string>,
  demands: Demands,
): Contender | undefined {
  const { objective } = demands;
  const merit = (contender: Contender) => meritOf(contender, objective);
  const hopeful = contenders.filter(
    (contender) => !isHopeless(contender, demands) && Number.isFinite(merit(contender).value),
  );
  const [next] = hopeful.filter(({ name }) => !asked.has(name)).sort((a, b) => merit(b).value - merit(a).value);
  const [leader] = hopeful.filter(({ name }) => passed.has(name)).sort((a, b) => merit(b).value - merit(a).value);
  if (!next || !leader) return next;
  const isBehind =
    merit(next).high < merit(leader).low * (objective === 'memory' || objective === 'energy' ? 1 / reach : reach);
  return isBehind && !isTie(merit(next), merit(leader)) ? undefined : next;
}
