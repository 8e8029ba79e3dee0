/**
 * From stored rows to what goes over the wire. Points are stored bare and wrapped only now, because whether they are
 * backlog, and how many neighbours travel with them, is known only now.
 */
import type { Telemetry } from '../protocol/messages.ts';
import type { OutboxRow, Range } from '../store/outbox-table.ts';

/** A message on its way; the rows are deleted when the broker has acknowledged it. */
export type OutboxMessage = {
  readonly rows: readonly OutboxRow[];
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
};

/** Bounds of one batch: well under the 128 KiB that every broker takes. */
const maxBatchBytes = 96 * 1024;
const maxBatchPoints = 1000;

/** The first row and those that follow it without a gap in its epoch, up to the size of one batch. Never empty for rows. */
export function batchOf(rows: readonly OutboxRow[]): OutboxRow[] {
  const batch = rows.slice(0, 1);
  let bytes = batch[0]?.payload.length ?? 0;
  for (const row of rows.slice(1)) {
    const [first, last] = [batch[0]?.range, batch.at(-1)];
    bytes += row.payload.length;
    if (!first || !last || !row.range || !continues(last, row) || bytes > maxBatchBytes) break;
    if (row.range.last - first.first >= maxBatchPoints) break;
    batch.push(row);
  }
  return batch;
}

/** @param isBacklog marks telemetry that waited for a connection. */
export function messageFrom(rows: readonly OutboxRow[], isBacklog: boolean): OutboxMessage {
  const [first] = rows;
  if (first === undefined) throw new TypeError('expected at least one row, got none');
  const { topic, qos, retain } = first;
  return {
    rows,
    topic,
    qos,
    retain,
    payload: first.range ? batchPayload(rows, first.range, isBacklog) : first.payload,
  };
}

function batchPayload(rows: readonly OutboxRow[], { stream, epoch, first }: Range, hist: boolean): string {
  const last = rows.at(-1)?.range?.last ?? first;
  const reason = rows[0]?.gap;
  const head: Omit<Telemetry, 'pts'> = {
    ...{ stream, epoch, first, last, hist },
    ...(reason === undefined ? {} : { gap: { first, last, reason } }),
  };
  // The points are JSON already; parsing them only to print them again would double the work of a backlog.
  const points = rows.map(({ payload }) => payload.slice(1, -1)).filter((text) => text !== '');
  return `${JSON.stringify(head).slice(0, -1)},"pts":[${points.join(',')}]}`;
}

function continues(last: OutboxRow, row: OutboxRow): boolean {
  if (!last.range || !row.range || last.gap !== undefined || row.gap !== undefined) return false;
  const { stream, epoch } = last.range;
  return row.range.stream === stream && row.range.epoch === epoch && row.range.first === last.range.last + 1;
}
