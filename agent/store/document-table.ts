/** Small JSON documents of which there is one each, as text. */
import type { Database } from 'better-sqlite3';

export type DocumentName = 'desired' | 'operator-keys' | 'home-assistant';

export function documentTable(db: Database) {
  const put = db.prepare<[string, string]>(
    'INSERT INTO documents VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  );
  const get = db.prepare<[string], { value: string }>('SELECT value FROM documents WHERE name = ?');
  return {
    put: (name: DocumentName, value: string): void => void put.run(name, value),
    get: (name: DocumentName): string | undefined => get.get(name)?.value,
  };
}
