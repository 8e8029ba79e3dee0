/**
 * Files that survive a power cut. A file is either the old one or the new one, never half of either: write beside it,
 * fsync, rename, fsync the folder.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OctetError, systemCodeOf } from './errors.ts';

/**
 * Writes `data` to `path` so that a crash at any moment leaves the old file or the new one.
 * @param mode permissions, less the process's umask; 0o600 for what may hold a secret.
 * @throws DISK_FULL when there is no room (the old file stays), WRITE_FAILED otherwise.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | Iterable<Uint8Array>,
  mode = 0o666,
): Promise<void> {
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2, 8)}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx', mode);
    try {
      if (typeof data === 'string' || data instanceof Uint8Array) await file.writeFile(data);
      else for (const part of data) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeError(path, error);
  }
}

/** Makes renames and removals inside `folder` durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A failed write as an error that says whether the disk was full. */
export function writeError(path: string, error: unknown): OctetError {
  if (error instanceof OctetError) return error;
  const code = systemCodeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new OctetError('DISK_FULL', `${path}: expected room to write, got ${code} (the disk or its quota is full)`, {
      hint: `Free space on the disk that holds ${dirname(path)} (df -h ${dirname(path)}), then run it again; nothing was half-written.`,
      cause: error,
    });
  return new OctetError('WRITE_FAILED', `${path}: expected to write, got ${code ?? String(error)}`, {
    hint: `Check that ${dirname(path)} exists and is writable by user ${process.getuid?.() ?? '?'}.`,
    cause: error,
  });
}

/**
 * Reads a whole file.
 * @throws FILE_NOT_FOUND, FILE_UNREADABLE, with `what` naming the role of the file ("model", "recording").
 */
export async function readInput(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw readError(path, what, error);
  }
}

export function readError(path: string, what: string, error: unknown): OctetError {
  const code = systemCodeOf(error);
  if (code === 'ENOENT')
    return new OctetError('FILE_NOT_FOUND', `${what}: expected a file at ${path}, got none`, {
      hint: `Check the path: ls -l ${dirname(path)}`,
      cause: error,
    });
  if (code === 'EISDIR')
    return new OctetError('FILE_UNREADABLE', `${what}: expected a file at ${path}, got a folder`, {
      hint: `Name a file inside it: ls ${path}`,
      cause: error,
    });
  if (code === 'ENOTDIR')
    return new OctetError('FILE_NOT_FOUND', `${what}: expected a folder at ${dirname(path)}, got a file`, {
      hint: 'Name the folder that it lies in.',
      cause: error,
    });
  return new OctetError('FILE_UNREADABLE', `${what}: expected to read ${path}, got ${code ?? String(error)}`, {
    hint: `Check its permissions: ls -l ${path}`,
    cause: error,
  });
}

export function sha256Of(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** SHA-256 of a file, streamed: memory does not grow with the file. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** The project's own root folder (where `cli.ts`, or its bundle, and the bundled models lie). */
export function programRoot(): string {
  return join(import.meta.dirname, '..', '..');
}
