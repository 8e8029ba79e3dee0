/** Samples from paths, the common form of `--data`: what lies at each path decides how it is read, and all become one set. */
import { readdir, stat } from 'node:fs/promises';
import { OctetError } from '../base/errors.ts';
import { readError } from '../base/files.ts';
import { arraySamples } from './array-samples.ts';
import { openNpyFolder, openNpz } from './npz.ts';
import { openRecordings } from './recording.ts';
import { recordingSamples } from './recording-samples.ts';
import type { Samples, SamplesOptions, WindowPosition } from './samples.ts';

/**
 * Opens `.npz` files, folders of `.npy`, recording folders, or folders of recordings.
 * @throws DATA_INVALID when something is malformed, DATA_MISMATCH when names, types or shapes are not the model's.
 */
export async function openSamples(paths: string | readonly string[], options: SamplesOptions): Promise<Samples> {
  const parts: Samples[] = [];
  for (const path of [paths].flat()) parts.push(await openPart(path, options));
  const [first, ...others] = parts;
  if (first === undefined) throw new OctetError('USAGE', 'data: expected at least one path, got none');
  return others.length === 0 ? first : concatenate(parts);
}

async function openPart(path: string, options: SamplesOptions): Promise<Samples> {
  const info = await stat(path).catch((error) => Promise.reject(readError(path, 'data', error)));
  if (info.isFile()) return arraySamples(path, await openNpz(path), options);
  const names = await readdir(path);
  if (names.some((name) => name.endsWith('.npy'))) return arraySamples(path, await openNpyFolder(path), options);
  const recordings = await openRecordings(path);
  if (recordings.length > 0) return recordingSamples(path, recordings, options);
  throw new OctetError(
    'DATA_INVALID',
    `${path}: expected an .npz file, a folder of .npy, or recordings, got ${describe(names)}`,
  );
}

/** Recordings stay apart: each part's are numbered after the parts before it. */
function concatenate(parts: readonly Samples[]): Samples {
  const owners = parts.flatMap((part) => Array.from({ length: part.count }, (_, index) => ({ part, index })));
  const labels = parts.flatMap((part) => part.labels ?? new Array<number>(part.count).fill(-1));
  return {
    count: owners.length,
    labels: parts.some((part) => part.labels) ? labels : undefined,
    feeds: (at) => {
      const { part, index } = owners[at] as (typeof owners)[number];
      return part.feeds(index);
    },
    description: parts.map(({ description }) => description).join(' + '),
    ...joinedWindows(parts),
  };
}

function joinedWindows(parts: readonly Samples[]): { windows?: readonly WindowPosition[] } {
  const withWindows = parts.filter(({ windows }) => windows !== undefined);
  if (withWindows.length === 0) return {};
  if (withWindows.length < parts.length)
    throw new OctetError('DATA_MISMATCH', 'data: expected only recordings or only arrays, got both', {
      hint: 'Give recordings and .npz files to separate runs: they are split into calibration and held-out differently.',
    });
  let first = 0;
  const windows = parts.flatMap(({ windows = [] }) => {
    const numbered = windows.map((window) => ({ ...window, recording: window.recording + first }));
    first = Math.max(first, ...numbered.map(({ recording }) => recording + 1));
    return numbered;
  });
  return { windows };
}

function describe(names: readonly string[]): string {
  return names.length === 0 ? 'an empty folder' : `a folder with ${names.slice(0, 5).join(', ')}`;
}
