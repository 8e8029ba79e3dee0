/** How many decisions there were, and of those that come with a truth, how many are right. */
import type { Decision } from './stream.ts';

export type Tally = {
  readonly decisions: number;
  /** Those with a truth to compare with. */
  readonly judged: number;
  readonly right: number;
};

export const noTally: Tally = { decisions: 0, judged: 0, right: 0 };

export const isRight = ({ label, truth }: Decision) => label === truth;

export function tallyOf(decisions: readonly Decision[]): Tally {
  const judged = decisions.filter(({ truth }) => truth !== undefined);
  return { decisions: decisions.length, judged: judged.length, right: judged.filter(isRight).length };
}

export function addTallies(a: Tally, b: Tally): Tally {
  return { decisions: a.decisions + b.decisions, judged: a.judged + b.judged, right: a.right + b.right };
}

export function subtractTallies(a: Tally, b: Tally): Tally {
  return { decisions: a.decisions - b.decisions, judged: a.judged - b.judged, right: a.right - b.right };
}

/** Share of the judged decisions that are right; null when none is judged. */
export function accuracyOf({ judged, right }: Tally): number | null {
  return judged === 0 ? null : right / judged;
}
