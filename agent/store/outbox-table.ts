/** Rows that wait for the broker's PUBACK, in order of their ids. */
import type { Database } from 'better-sqlite3';

/** In order of importance: what is evicted first stands last. */
export const rowClasses = { state: 0, event: 1, telemetry: 2 } as const;
export type RowClass = keyof typeof rowClasses;

/** Sequence numbers `first`…`last` of one epoch of a stream. */
export type Range = { readonly stream: string; readonly epoch: string; readonly first: number; readonly last: number };

export type OutboxRow = {
  readonly id: number;
  readonly class: RowClass;
  readonly topic: string;
  /** The message; for a row with a `range` only its points, a JSON array. */
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly createdMs: number;
  readonly range?: Range;
  /** Why the range has no points: it was dropped. */
  readonly gap?: string;
};

export type NewRow = Omit<OutboxRow, 'id'>;

/** What a row counts for in the byte quota: its text and a flat charge for its columns and index. */
export function rowBytes({ topic, payload }: Pick<NewRow, 'topic' | 'payload'>): number {
  return Buffer.byteLength(payload) + topic.length + 96;
}

type Columns = {
  id: number;
  class: number;
  topic: string;
  payload: string;
  qos: 0 | 1;
  retain: number;
  created_ms: number;
  stream: string | null;
  epoch: string | null;
  first: number | null;
  last: number | null;
  gap: string | null;
};

const columns = 'id, class, topic, payload, qos, retain, created_ms, stream, epoch, first, last, gap';

export function outboxTable(db: Database) {
  const insert = db.prepare(
    `INSERT INTO outbox (class, topic, payload, qos, retain, size, created_ms, stream, epoch, first, last, gap)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const between = db.prepare<[number, number, number, number], Columns>(
    `SELECT ${columns} FROM outbox WHERE class = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?`,
  );
  const remove = db.prepare<[number]>('DELETE FROM outbox WHERE id = ?');
  const totals = db.prepare<[], { bytes: number; count: number }>(
    'SELECT coalesce(sum(size), 0) AS bytes, count(*) AS count FROM outbox',
  );
  const dated = db.prepare<[number, number, number, number], Columns>(
    `SELECT ${columns} FROM outbox WHERE class = ? AND created_ms >= ? AND created_ms < ? LIMIT ?`,
  );
  const countOf = db.prepare<[number, number], { count: number }>(
    'SELECT count(*) AS count FROM (SELECT 1 FROM outbox WHERE class = ? LIMIT ?)',
  );
  const bytesOf = db.prepare<[number], { bytes: number }>(
    'SELECT coalesce(sum(size), 0) AS bytes FROM outbox WHERE class = ?',
  );
  const sameTopic = db.prepare<[number, string], Columns>(
    `SELECT ${columns} FROM outbox WHERE class = ? AND retain = 1 AND topic = ?`,
  );
  const lastId = db.prepare<[], { id: number }>("SELECT seq AS id FROM sqlite_sequence WHERE name = 'outbox'");
  const extend = db.prepare<[number, number]>('UPDATE outbox SET last = ? WHERE id = ?');
  const lastGap = db.prepare<[string, string], Columns>(
    `SELECT ${columns} FROM outbox WHERE class = 1 AND gap IS NOT NULL AND stream = ? AND epoch = ? ORDER BY id DESC LIMIT 1`,
  );
  return {
    insert(row: NewRow): number {
      const { range } = row;
      const result = insert.run(
        rowClasses[row.class],
        row.topic,
        row.payload,
        row.qos,
        row.retain ? 1 : 0,
        rowBytes(row),
        Math.floor(row.createdMs),
        range?.stream ?? null,
        range?.epoch ?? null,
        range?.first ?? null,
        range?.last ?? null,
        row.gap ?? null,
      );
      return Number(result.lastInsertRowid);
    },
    /** Up to `limit` rows of a class with `after` < id ≤ `upTo`, oldest first. */
    between: (rowClass: RowClass, after: number, upTo: number, limit: number): OutboxRow[] =>
      between.all(rowClasses[rowClass], after, upTo, limit).map(rowFromColumns),
    /** The first `limit` rows of a class. */
    oldest: (rowClass: RowClass, limit: number): OutboxRow[] =>
      between.all(rowClasses[rowClass], 0, Number.MAX_SAFE_INTEGER, limit).map(rowFromColumns),
    /** Up to `limit` rows of a class with `fromMs` ≤ createdMs < `toMs`. */
    dated: (rowClass: RowClass, fromMs: number, toMs: number, limit: number): OutboxRow[] =>
      dated.all(rowClasses[rowClass], Math.floor(fromMs), Math.floor(toMs), limit).map(rowFromColumns),
    /** How many rows of a class there are, counted up to `most`: a long backlog is not walked through. */
    countUpTo: (rowClass: RowClass, most: number): number => countOf.get(rowClasses[rowClass], most)?.count ?? 0,
    bytes: (rowClass: RowClass): number => bytesOf.get(rowClasses[rowClass])?.bytes ?? 0,
    /** Retained messages of a class that wait for the same topic. */
    retained: (rowClass: RowClass, topic: string): OutboxRow[] =>
      sameTopic.all(rowClasses[rowClass], topic).map(rowFromColumns),
    delete: (id: number): void => void remove.run(id),
    /** The newest gap row of an epoch that still waits. */
    lastGap(stream: string, epoch: string): OutboxRow | undefined {
      const found = lastGap.get(stream, epoch);
      return found && rowFromColumns(found);
    },
    /** Makes a gap row reach to `last`. */
    extendGap: (id: number, last: number): void => void extend.run(last, id),
    totals: (): { bytes: number; count: number } => totals.get() ?? { bytes: 0, count: 0 },
    /** The highest id ever given, 0 when none was. */
    lastId: (): number => lastId.get()?.id ?? 0,
  };
}

const classNames = Object.keys(rowClasses) as RowClass[];

function rowFromColumns(row: Columns): OutboxRow {
  const { id, topic, payload, qos, stream, epoch, first, last, gap } = row;
  return {
    id,
    class: classNames[row.class] ?? 'telemetry',
    topic,
    payload,
    qos,
    retain: row.retain === 1,
    createdMs: row.created_ms,
    ...(stream !== null && epoch !== null && first !== null && last !== null
      ? { range: { stream, epoch, first, last } }
      : {}),
    ...(gap === null ? {} : { gap }),
  };
}
