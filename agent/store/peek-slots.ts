/** The deployments of an agent as they are stored, read beside the running agent and without changing anything. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { OctetError } from '../../runtime/base/errors.ts';

export type StoredSlot = {
  readonly slot: string;
  /** JSON, as the deployment machine stores it. */
  readonly state: string;
};

/** @param folder the agent's data folder. @returns undefined when there is no store in it. @throws STORE_FAILED */
export function peekSlots(folder: string): StoredSlot[] | undefined {
  const path = join(folder, 'agent.sqlite');
  if (!existsSync(path)) return undefined;
  try {
    const db = new Database(path, { readonly: true });
    try {
      return db.prepare<[], StoredSlot>('SELECT slot, state FROM slots ORDER BY slot').all();
    } finally {
      db.close();
    }
  } catch (cause) {
    throw new OctetError('STORE_FAILED', `${path}: expected to read the store, got ${(cause as Error).message}`, {
      hint: "Run it as the service's user: sudo -u octet octet explain …",
      cause,
    });
  }
}
