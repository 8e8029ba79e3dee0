/** The deployment of each slot, as the JSON text that the deployment machine gives and takes. */
import type { Database } from 'better-sqlite3';

export function slotTable(db: Database) {
  const put = db.prepare<[string, string]>(
    'INSERT INTO slots VALUES (?, ?) ON CONFLICT (slot) DO UPDATE SET state = excluded.state',
  );
  const all = db.prepare<[], { state: string }>('SELECT state FROM slots');
  const get = db.prepare<[string], { state: string }>('SELECT state FROM slots WHERE slot = ?');
  return {
    put: (slot: string, state: string): void => void put.run(slot, state),
    all: (): string[] => all.all().map(({ state }) => state),
    get: (slot: string): string | undefined => get.get(slot)?.state,
  };
}
