/** Dropped sequence numbers as ranges: neighbours are one range, so that a long outage ends in a short statement. */
import type { Range } from '../store/outbox-table.ts';

export type Gap = Range & {
  /** Why it was dropped: `quota`, `age`, `disk full`. */
  readonly reason: string;
};

/** The same gaps with touching or overlapping ones of one epoch and reason joined, in order of their first appearance. */
export function mergeGaps(gaps: readonly Gap[]): Gap[] {
  const merged: Gap[] = [];
  for (const gap of gaps) {
    const index = merged.findIndex((other) => touches(other, gap));
    const other = merged[index];
    if (other === undefined) merged.push(gap);
    else merged[index] = { ...other, first: Math.min(other.first, gap.first), last: Math.max(other.last, gap.last) };
  }
  return merged;
}

function touches(a: Gap, b: Gap): boolean {
  const isSame = a.stream === b.stream && a.epoch === b.epoch && a.reason === b.reason;
  return isSame && b.first <= a.last + 1 && a.first <= b.last + 1;
}
