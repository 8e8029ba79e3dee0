/** Counters that never go back. */
import type { Database } from 'better-sqlite3';

export function metaTable(db: Database) {
  const increment = db.prepare<[string], { value: number }>(
    'INSERT INTO meta VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value',
  );
  return {
    /** One more than ever before: 1, 2, 3, … */
    increment: (key: string): number => increment.get(key)?.value ?? 0,
  };
}
