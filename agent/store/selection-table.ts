/** What was selected for a model (digest of its folder) under given calibration settings. */
import type { Database } from 'better-sqlite3';

export function selectionTable(db: Database) {
  const put = db.prepare<[string, string, string, number]>(
    'INSERT OR REPLACE INTO selections (digest, settings, result, created_ms) VALUES (?, ?, ?, ?)',
  );
  const get = db.prepare<[string, string], { result: string }>(
    'SELECT result FROM selections WHERE digest = ? AND settings = ?',
  );
  return {
    put: (digest: string, settings: string, result: string, nowMs: number): void =>
      void put.run(digest, settings, result, Math.floor(nowMs)),
    get: (digest: string, settings: string): string | undefined => get.get(digest, settings)?.result,
  };
}
