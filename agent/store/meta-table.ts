/** Counters that never go back. */
import type { Database } from 'better-sqlite3';

export function metaTable(db: Database) {
  const increment = db.prepare<[string], { value: number }>(
    'INSERT INTO meta VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value',
  );
  const raise = db.prepare<[string, number]>(
    'INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)',
  );
  const get = db.prepare<[string], { value: number }>('SELECT value FROM meta WHERE key = ?');
  return {
    /** At least `value` from now on. */
    raise: (key: string, value: number): void => void raise.run(key, value),
    get: (key: string): number => get.get(key)?.value ?? 0,
    /** One more than ever before: 1, 2, 3, … */
    increment: (key: string): number => increment.get(key)?.value ?? 0,
  };
}
