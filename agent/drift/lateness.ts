/** Whether the model keeps up with its sensor: a decision that takes longer than the time to the next window is late. Pure. */
import type { Decision } from '../../runtime/infer/messages.ts';

export type Lateness = { readonly decisions: number; readonly late: number };

export const onTime: Lateness = { decisions: 0, late: 0 };

/** Looked at in groups of so many decisions. */
const groupSize = 200;
/** A busy moment makes a few late; a model that is too slow makes most of them late. */
const mostLate = 0.5;

/** @param periodUs from one window to the next. @returns the next state, and whether a whole group was mostly late. */
export function noteLateness(
  { decisions, late }: Lateness,
  group: readonly Pick<Decision, 'latencyUs'>[],
  periodUs: number,
): readonly [Lateness, boolean] {
  const sum = {
    decisions: decisions + group.length,
    late: late + group.filter(({ latencyUs }) => latencyUs > periodUs).length,
  };
  if (sum.decisions < groupSize) return [sum, false];
  return [onTime, sum.late > mostLate * sum.decisions];
}
