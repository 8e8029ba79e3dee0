/**
 * External data: weights in files beside the model. A model names them by a path of its own choosing, so the path is not
 * trusted: it must stay inside the model's folder, symbolic links included.
 */
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { OctetError } from '../base/errors.ts';
import { readError } from '../base/files.ts';

/**
 * The bytes that an `external_data` record names, read now. Blocks: weights are read once, where a graph is rewritten.
 * @param entries ONNX keys: `location` (relative path), `offset`, `length` (decimal bytes; to the end when absent).
 * @throws MODEL_INVALID for a path that leaves the folder or a range outside the file; FILE_NOT_FOUND, FILE_UNREADABLE.
 */
export function readExternalData(
  name: string,
  entries: ReadonlyMap<string, string>,
  folder: string | undefined,
): Uint8Array {
  const { path, offset, length } = findRange(name, entries, folder);
  return readRange(path, offset, length);
}

/** The same bytes in pieces of at most `chunkBytes`, to be copied without being held. @throws the same. */
export function* externalChunks(
  name: string,
  entries: ReadonlyMap<string, string>,
  folder: string | undefined,
  chunkBytes = 2 ** 24,
): Iterable<Uint8Array> {
  const { path, offset, length } = findRange(name, entries, folder);
  for (let done = 0; done < length; done += chunkBytes)
    yield readRange(path, offset + done, Math.min(chunkBytes, length - done));
}

function findRange(name: string, entries: ReadonlyMap<string, string>, folder: string | undefined) {
  const path = locate(name, entries.get('location') ?? '', folder);
  const size = statSync(path).size;
  const offset = byteCount(name, entries.get('offset') ?? '0');
  const length = byteCount(name, entries.get('length') ?? String(Math.max(0, size - offset)));
  if (offset + length > size)
    throw new OctetError(
      'MODEL_INVALID',
      `tensor "${name}": expected bytes ${offset} to ${offset + length} in ${path}, got a file of ${size} bytes`,
      { hint: `The data file is cut short or belongs to another model; copy ${path} again.` },
    );
  return { path, offset, length };
}

function locate(name: string, location: string, folder: string | undefined): string {
  if (folder === undefined)
    throw new OctetError(
      'MODEL_INVALID',
      `tensor "${name}": expected values, got a reference to the file "${location}"`,
      {
        hint: 'Load the model by its path, so that files beside it can be found.',
      },
    );
  const path = join(folder, location);
  if (location === '' || isAbsolute(location) || !isInside(folder, path)) throw leavesFolder(name, location, folder);
  try {
    if (!isInside(realpathSync(folder), realpathSync(path))) throw leavesFolder(name, location, folder);
  } catch (error) {
    throw error instanceof OctetError ? error : readError(path, `external data of tensor "${name}"`, error);
  }
  return path;
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function leavesFolder(name: string, location: string, folder: string): OctetError {
  return new OctetError(
    'MODEL_INVALID',
    `tensor "${name}": expected external data inside ${folder}, got the path "${location}"`,
    { hint: 'A model may only name files in its own folder; do not trust this one.' },
  );
}

function byteCount(name: string, text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new OctetError('MODEL_INVALID', `tensor "${name}": external data: expected a count of bytes, got "${text}"`);
}

function readRange(path: string, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const file = openSync(path, 'r');
  try {
    for (let done = 0; done < length; ) {
      const read = readSync(file, bytes, done, length - done, offset + done);
      if (read === 0) throw new OctetError('FILE_UNREADABLE', `${path}: expected ${length} bytes, got ${done}`);
      done += read;
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}
