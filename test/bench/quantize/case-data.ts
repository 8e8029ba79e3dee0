/** The data of a case on disk, where every process of the bench reads it. */
import { join } from 'node:path';
import type { BenchCase } from './bench-case.ts';
import { writeNpyFolder } from './npy-folder.ts';
import type { Folders } from './variants.ts';

export async function writeCaseData(bench: BenchCase, folder: string): Promise<Folders> {
  const { calibration, all, test } = await bench.open();
  return {
    calibration: await writeNpyFolder(join(folder, 'calibration'), calibration),
    all: await writeNpyFolder(join(folder, 'all'), all),
    test: await writeNpyFolder(join(folder, 'test'), test),
  };
}
