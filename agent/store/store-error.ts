/** SQLite's failures in Octet's words: a full disk is told apart from a broken store, because only the first is expected. */
import { OctetError } from '../../runtime/base/errors.ts';

/** SQLite reports a failed write to the log of a full disk under any of these. Source: sqlite.org/rescode.html. */
const fullCodes = ['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_IOERR_SHMSIZE'];

/** Runs `work`; what SQLite throws comes out as DISK_FULL or STORE_FAILED, naming `path`. */
export function inStore<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeError(path, error);
  }
}

export function isDiskFull(error: unknown): boolean {
  return error instanceof OctetError && error.code === 'DISK_FULL';
}

function storeError(path: string, error: unknown): OctetError {
  if (error instanceof OctetError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const text = error instanceof Error ? error.message : String(error);
  if (fullCodes.includes(code))
    return new OctetError('DISK_FULL', `${path}: expected room to write, got ${code} (${text})`, {
      hint: 'Free space on the disk that holds the data folder (df -h), or lower telemetry.maxBytes.',
      cause: error,
    });
  return new OctetError('STORE_FAILED', `${path}: expected a working store, got ${code} (${text})`, {
    hint: `Look at it: sqlite3 ${path} "PRAGMA integrity_check". To start over, move it away; it is never overwritten.`,
    cause: error,
  });
}
