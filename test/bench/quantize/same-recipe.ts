/** The recipes that both quantisers have, each run in a process of its own on either side. */
import { join } from 'node:path';
import { hasEnvironment } from '../../peers/environment.ts';
import { type ReferenceRun, runReference } from '../../peers/reference.ts';
import { type BenchCase, calibrationCount } from './bench-case.ts';
import { type QuantizeRun, runQuantize } from './octet-process.ts';

/** Observer of ours → the reference's method. */
export const sharedRecipes = { 'min-max': 'MinMax', entropy: 'Entropy', percentile: 'Percentile' } as const;

export type SharedRecipe = keyof typeof sharedRecipes;

/** What the reference is given: it does not fold batch normalisation itself. @returns undefined where it is not installed. */
export async function foldForReference(
  { modelPath }: Pick<BenchCase, 'modelPath'>,
  work: string,
): Promise<string | undefined> {
  if (!hasEnvironment('venv')) return undefined;
  const folded = join(work, 'reference-folded.onnx');
  const run = await runReference(['fold', modelPath, folded]);
  return 'reason' in run ? modelPath : folded;
}

export function runOurs(modelPath: string, recipe: SharedRecipe, data: string, work: string): Promise<QuantizeRun> {
  // Eight bits, as theirs, whatever this processor would rather have.
  const types = ['--activation', 'uint8', '--no-reduce-range'];
  const words = ['--recipe', 'static', '--observer', recipe, ...types, '--data', data];
  return runQuantize(modelPath, join(work, 'ours.onnx'), words);
}

/** @returns undefined where it cannot quantise this model so. */
export async function runTheirs(
  foldedPath: string,
  recipe: SharedRecipe,
  data: string,
  work: string,
  count = calibrationCount,
): Promise<ReferenceRun | undefined> {
  const words = ['--activation', 'u8', '--method', sharedRecipes[recipe], '--data', data];
  const samples = ['--samples', `${count}`];
  const run = await runReference(['static', foldedPath, join(work, 'theirs.onnx'), ...words, ...samples]);
  return 'reason' in run ? undefined : run;
}
