/**
 * The kernel's own reports (/proc, /sys, /etc) as text, under a root folder, so that a board recorded elsewhere replays
 * like the machine itself. A file that is missing or refuses to be read is `undefined`: boards differ, and a gap is a fact.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCodeOf } from '../base/errors.ts';

export type Readings = {
  /** The file's text without trailing newlines and NULs, or undefined when it cannot be read. */
  text(path: string): string | undefined;
  /** The file's text as a finite number, or undefined. */
  number(path: string): number | undefined;
  /** Names inside a folder in natural order (`cpu2` before `cpu10`); empty when there is none. */
  names(folder: string): readonly string[];
  /** Files that were there and refused to be read for want of permission, so far. */
  readonly refused?: ReadonlySet<string>;
};

/** @param root `/`, or the folder of a recorded board. @param read throws as `readFileSync` does. */
export function readingsUnder(
  root: string,
  read: (path: string) => string = (path) => readFileSync(path, 'latin1'),
): Readings {
  const refused = new Set<string>();
  const text = (path: string): string | undefined => {
    try {
      return read(join(root, path)).replace(/[\0\s]+$/, '');
    } catch (error) {
      if (['EACCES', 'EPERM'].includes(systemCodeOf(error) ?? '')) refused.add(path);
      // Absent on this board, or a sensor that answers EAGAIN or EINVAL: both mean "no reading".
      return undefined;
    }
  };
  return {
    refused,
    text,
    number: (path) => finiteNumber(text(path)),
    names: (folder) => {
      try {
        return readdirSync(join(root, folder)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
      } catch {
        return [];
      }
    },
  };
}

function finiteNumber(text: string | undefined): number | undefined {
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}
