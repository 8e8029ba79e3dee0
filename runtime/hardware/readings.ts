/**
 * The kernel's own reports (/proc, /sys, /etc) as text, under a root folder, so that a board recorded elsewhere replays
 * like the machine itself. A file that is missing or refuses to be read is `undefined`: boards differ, and a gap is a fact.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Readings = {
  /** The file's text without trailing newlines and NULs, or undefined when it cannot be read. */
  text(path: string): string | undefined;
  /** The file's text as a finite number, or undefined. */
  number(path: string): number | undefined;
  /** Names inside a folder in natural order (`cpu2` before `cpu10`); empty when there is none. */
  names(folder: string): readonly string[];
};

/** @param root `/`, or the folder of a recorded board. */
export function readingsUnder(root: string): Readings {
  const text = (path: string): string | undefined => {
    try {
      return readFileSync(join(root, path), 'latin1').replace(/[\0\s]+$/, '');
    } catch {
      // Absent on this board, or a sensor that answers EAGAIN or EINVAL: both mean "no reading".
      return undefined;
    }
  };
  return {
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
