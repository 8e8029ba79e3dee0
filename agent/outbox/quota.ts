/** The outbox's quotas, decided purely: which of the oldest rows must go, and from when on a date can be believed. */
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
export const firstCredibleMs = Date.UTC(2025, 0, 1);
