/** Epochs: each (re)start of a stream opens the next one, whose sequence numbers begin at 0. */
import type { Database } from 'better-sqlite3';

export type StreamRow = {
  readonly stream: string;
  readonly number: number;
  readonly epoch: string;
  readonly nextSeq: number;
};

export function streamTable(db: Database) {
  const open = db.prepare<[string, string, string], { number: number; epoch: string }>(
    `INSERT INTO streams VALUES (?, 1, '1-' || ?, 0)
     ON CONFLICT (stream) DO UPDATE SET number = number + 1, epoch = (number + 1) || '-' || ?, next_seq = 0
     RETURNING number, epoch`,
  );
  const advance = db.prepare<[number, string, string]>(
    'UPDATE streams SET next_seq = ? WHERE stream = ? AND epoch = ?',
  );
  const get = db.prepare<[string], StreamRow>(
    'SELECT stream, number, epoch, next_seq AS nextSeq FROM streams WHERE stream = ?',
  );
  return {
    /** Opens the next epoch of `stream`: `<count>-<salt>`. The salt tells apart devices that were set up anew under one id. */
    open: (stream: string, salt: string): string => open.get(stream, salt, salt)?.epoch ?? '',
    /** Notes that points before `nextSeq` are stored; without effect if a newer epoch has begun. */
    advance: (stream: string, epoch: string, nextSeq: number): void => void advance.run(nextSeq, stream, epoch),
    get: (stream: string): StreamRow | undefined => get.get(stream),
  };
}
