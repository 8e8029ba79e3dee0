/**
 * The agent's one SQLite file: opened, checked, brought up to date, never recreated. Every transaction is fsynced
 * (WAL, synchronous=FULL); telemetry keeps that cheap by coming in groups. State may use a reserve that telemetry may not.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { OctetError } from '../../runtime/base/errors.ts';
import { documentTable } from './document-table.ts';
import { jobTable } from './job-table.ts';
import { metaTable } from './meta-table.ts';
import { migrations } from './migrations.ts';
import { outboxTable } from './outbox-table.ts';
import { createReserve } from './reserve.ts';
import { selectionTable } from './selection-table.ts';
import { slotTable } from './slot-table.ts';
import { inStore, isDiskFull } from './store-error.ts';
import { streamTable } from './stream-table.ts';

export type StoreOptions = {
  /** The store may grow to so many bytes; state writes may go `reserveBytes` beyond. Default: 1 GiB. */
  maxBytes?: number;
  /** Room kept for deployment state and gap records when everything else is full. Default: 1 MiB. */
  reserveBytes?: number;
  /** Told of every transaction, before it is committed and after: tests of power cuts end the process there. */
  onWrite?: (moment: 'before commit' | 'after commit') => void;
};

export type Store = ReturnType<typeof openStore>;

const pageBytes = 4096;

/**
 * Opens `<folder>/agent.sqlite`, creating it only where there is none.
 * @throws STORE_FAILED if it is damaged or was written by a newer version, DISK_FULL.
 */
export function openStore(
  folder: string,
  { maxBytes = 2 ** 30, reserveBytes = 2 ** 20, onWrite = () => undefined }: StoreOptions = {},
) {
  const path = join(folder, 'agent.sqlite');
  return inStore(path, () => {
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    const db = new Database(path);
    checkIntegrity(db, path);
    for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'journal_size_limit = 4194304'])
      db.pragma(pragma);
    migrate(db, path);
    const limitPages = (bytes: number) => db.pragma(`max_page_count = ${Math.ceil(bytes / pageBytes)}`);
    const reserve = createReserve(join(folder, 'reserve'), reserveBytes, {
      onHeld: () => limitPages(maxBytes),
      onReleased: () => limitPages(maxBytes + reserveBytes),
    });
    const transaction = <T>(work: () => T): T => {
      const written = db.transaction(() => {
        const result = work();
        onWrite('before commit');
        return result;
      });
      const result = inStore(path, () => written.immediate());
      onWrite('after commit');
      return result;
    };
    return {
      path,
      meta: metaTable(db),
      outbox: outboxTable(db),
      streams: streamTable(db),
      slots: slotTable(db),
      selections: selectionTable(db),
      documents: documentTable(db),
      jobs: jobTable(db),
      reserve,
      /** All of `work` or none of it, durable on return. @throws DISK_FULL, STORE_FAILED. */
      transaction,
      /** The same for what must not be lost to a full disk: when there is no room, the reserve is spent on it. */
      stateTransaction<T>(work: () => T): T {
        try {
          return transaction(work);
        } catch (error) {
          if (!isDiskFull(error) || !reserve.release()) throw error;
          return transaction(work);
        }
      },
      [Symbol.dispose](): void {
        db.close();
      },
    };
  });
}

function checkIntegrity(db: Database.Database, path: string): void {
  const verdict = db.pragma('quick_check(1)', { simple: true });
  if (verdict === 'ok') return;
  db.close();
  throw new OctetError('STORE_FAILED', `${path}: expected an intact store, got "${String(verdict)}"`, {
    hint: `Keep it for examination and start over: mv ${path} ${path}.damaged`,
  });
}

function migrate(db: Database.Database, path: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > migrations.length)
    throw new OctetError(
      'STORE_FAILED',
      `${path}: expected schema version ${migrations.length} or older, got ${version} (written by a newer Octet)`,
      { hint: 'Install the newer Octet again, or give this one another dataFolder.' },
    );
  migrations.slice(version).forEach((sql, index) => {
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${version + index + 1}`);
    }).immediate();
  });
}
