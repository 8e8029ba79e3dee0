/** The outbox's quotas, decided purely: how many of the oldest rows must go, and which are past their age. */
import { type OutboxRow, rowBytes } from '../store/outbox-table.ts';

/** The fewest leading rows (least important class first, oldest first) whose bytes cover `excessBytes`; gap records stay. */
export function rowsToEvict(rows: readonly OutboxRow[], excessBytes: number): OutboxRow[] {
  let covered = 0;
  return rows.filter((row) => {
    if (covered >= excessBytes || row.gap !== undefined) return false;
    covered += rowBytes(row);
    return true;
  });
}

/** A board without a battery clock begins in the past until the network tells the time: such a date is no age. */
const firstCredibleMs = Date.UTC(2025, 0, 1);

export function isTooOld({ createdMs }: Pick<OutboxRow, 'createdMs'>, oldestMs: number): boolean {
  return createdMs >= firstCredibleMs && createdMs < oldestMs;
}
