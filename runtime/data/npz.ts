/**
 * Named arrays: NumPy's .npz (a zip of .npy), or a folder of .npy files. Deflated arrays are inflated into memory; stored
 * ones and .npy files are read row by row.
 */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { OctetError } from '../base/errors.ts';
import { type LazyArray, openNpy, openNpyFile } from './npy.ts';
import { openZip } from './zip.ts';

/** Array name (without `.npy`) → the array. */
export type NamedArrays = ReadonlyMap<string, LazyArray>;

/** @throws DATA_INVALID when the file is not a .npz or an array in it is malformed. */
export async function openNpz(path: string): Promise<NamedArrays> {
  const arrays = new Map<string, LazyArray>();
  for (const [name, open] of await openZip(path)) {
    if (!name.endsWith('.npy'))
      throw new OctetError('DATA_INVALID', `${path}: expected only .npy entries, got ${name}`);
    arrays.set(basename(name, '.npy'), await openNpy(await open(), `${path}: ${name}`));
  }
  return arrays;
}

/** @throws DATA_INVALID when an array in `folder` is malformed. */
export async function openNpyFolder(folder: string): Promise<NamedArrays> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.npy')).sort();
  const arrays = new Map<string, LazyArray>();
  for (const name of names) arrays.set(basename(name, '.npy'), await openNpyFile(join(folder, name)));
  return arrays;
}
