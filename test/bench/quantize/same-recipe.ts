/** The recipes that both quantisers have, each run in a process of its own on either side. */
import { join } from 'node:path';
import { hasEnvironment, type ReferenceRun, runReference } from '../../peers/environment.ts';
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
  if (!hasEnvironment()) return undefined;
  const folded = join(work, 'reference-folded.onnx');
  const run = await runReference(['fold', modelPath, folded]);
  return 'reason' in run ? modelPath : folded;
}

export function runOurs(modelPath: string, recipe: SharedRecipe, data: string, work: string): Promise<QuantizeRun> {
  const words = ['--recipe', 'static', '--observer', recipe, '--activation', 'uint8', '--data', data];
  return runQuantize(modelPath, join(work, 'ours.onnx'), words);
}

/** @returns undefined where it cannot quantise this model so. */
export async function runTheirs(
  foldedPath: string,
  recipe: SharedRecipe,
  data: string,
  work: string,
): Promise<ReferenceRun | undefined> {
  const words = ['--activation', 'u8', '--method', sharedRecipes[recipe], '--data', data];
  const samples = ['--samples', `${calibrationCount}`];
  const run = await runReference(['static', foldedPath, join(work, 'theirs.onnx'), ...words, ...samples]);
  return 'reason' in run ? undefined : run;
}
