/**
 * One agent per data folder. The lock is SQLite's own (an operating-system lock on a file), so that it goes away with
 * the process, however the process ends: there is no stale lock to delete.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { OctetError } from '../../runtime/base/errors.ts';
import { inStore } from './store-error.ts';

/** Holds `<folder>/agent.lock` until disposed. @throws STORE_FAILED when another process holds it. */
export function lockFolder(folder: string): Disposable {
  const path = join(folder, 'agent.lock');
  return inStore(path, () => {
    // What a sensor heard and saw is nobody else's business.
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    const db = new Database(path, { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
    } catch (cause) {
      db.close();
      throw new OctetError('STORE_FAILED', `${folder}: expected to be the only agent on this data folder, got a lock`, {
        hint: `Find the other one: fuser ${path}. Stop it, or give this agent another dataFolder.`,
        cause,
      });
    }
    return { [Symbol.dispose]: () => void db.close() };
  });
}
