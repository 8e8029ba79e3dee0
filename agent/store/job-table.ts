/** Jobs by id, as the JSON text that `agent/jobs` gives and takes, with what is asked about them in columns. */
import type { Database } from 'better-sqlite3';

export type JobRow = {
  readonly id: string;
  /** Of the signed claims: the same id with another hash is another job, and refused. */
  readonly hash: string;
  /** Unix time from which it cannot be given again, seconds. */
  readonly expiresS: number;
  readonly isSettled: boolean;
  readonly job: string;
};

type Columns = { id: string; hash: string; expires_s: number; is_settled: number; job: string };

export function jobTable(db: Database) {
  const put = db.prepare<[string, string, number, number, string]>(
    `INSERT INTO jobs (id, hash, expires_s, is_settled, job) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET is_settled = excluded.is_settled, job = excluded.job`,
  );
  const get = db.prepare<[string], Columns>('SELECT * FROM jobs WHERE id = ?');
  const unsettled = db.prepare<[], Columns>('SELECT * FROM jobs WHERE is_settled = 0 ORDER BY number');
  const latest = db.prepare<[number], Columns>('SELECT * FROM jobs ORDER BY number DESC LIMIT ?');
  const voidBefore = db.prepare<[number, number], Columns>(
    'SELECT * FROM jobs WHERE is_settled = 1 AND expires_s > 0 AND expires_s < ? ORDER BY number LIMIT ?',
  );
  const remove = db.prepare<[string]>('DELETE FROM jobs WHERE id = ?');
  return {
    put: ({ id, hash, expiresS, isSettled, job }: JobRow): void =>
      void put.run(id, hash, expiresS, Number(isSettled), job),
    get: (id: string): JobRow | undefined => rowFrom(get.get(id)),
    /** In the order in which they were given. */
    unsettled: (): JobRow[] => unsettled.all().flatMap((row) => rowFrom(row) ?? []),
    /** Newest first. */
    latest: (count: number): JobRow[] => latest.all(count).flatMap((row) => rowFrom(row) ?? []),
    /** Settled, and expired before `seconds`: the oldest `count` of them. */
    expiredBefore: (seconds: number, count: number): JobRow[] =>
      voidBefore.all(seconds, count).flatMap((row) => rowFrom(row) ?? []),
    delete: (id: string): void => void remove.run(id),
  };
}

function rowFrom(row: Columns | undefined): JobRow | undefined {
  if (row === undefined) return undefined;
  const { id, hash, expires_s, is_settled, job } = row;
  return { id, hash, expiresS: expires_s, isSettled: is_settled === 1, job };
}
