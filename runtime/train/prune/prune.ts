/** Pruning as a function of a program: a recipe and data to bytes or a file. */
import type { z } from 'zod';
import { checkValue } from '../../base/json.ts';
import { type DataSource, samplesFrom } from '../../quantize/library/data-source.ts';
import { modelInputs, prepareModel } from '../../quantize/prepare/prepare.ts';
import { type PrunedModel, pruneModel } from './prune-model.ts';
import { type PruneRecipe, pruneSchema } from './prune-recipe.ts';
import { writePruned } from './pruned-files.ts';
import type { PruneOptions } from './tune.ts';

export type PruneModelOptions = Partial<PruneOptions> & {
  /** What `octet prune --recipe file.json` takes; everything but `kind` and `ratio` has a default. */
  readonly recipe: z.input<typeof pruneSchema>;
  /** What to tune on, and for the Taylor criterion; with labels where there are any. All of it: hold back what is to judge. */
  readonly data: DataSource;
  /** Writes the model here and its recipe beside it; without it nothing is written. */
  readonly output?: string;
};

/**
 * Makes a smaller model (or one with zeros) of a float32 model and tunes it towards that.
 *
 * ```ts
 * const { layers, before, after } = await prune('model.onnx', { recipe: { kind: 'prune', ratio: 0.5 }, data: 'train.npz', output: 'pruned.onnx' });
 * ```
 *
 * @param model path of a float32 ONNX model. A model that gives a quantity, not scores of classes, needs `classifies: false`.
 * @returns the bytes, each layer before and after, layers that stay whole and why, and the recipe with its defaults filled in.
 * @throws FILE_*, MODEL_INVALID, MODEL_UNSUPPORTED; RECIPE_INVALID, also for a ratio that would leave a layer empty; DATA_*;
 * TRAINING_DIVERGED; DISK_FULL, WRITE_FAILED; the signal's reason. Opens sessions: a long-lived process leaves it to a child.
 */
export async function prune(
  model: string,
  { recipe: wanted, data, output, classifies = true, ...running }: PruneModelOptions,
): Promise<PrunedModel & { readonly recipe: PruneRecipe }> {
  const recipe = checkValue(wanted, pruneSchema, { code: 'RECIPE_INVALID', what: 'recipe' });
  const prepared = await prepareModel(model);
  const samples = await samplesFrom(data, modelInputs(prepared));
  const pruned = await pruneModel(prepared, samples, recipe, { classifies, ...running });
  running.signal?.throwIfAborted();
  if (output !== undefined) await writePruned({ modelPath: model, output, recipe, samples, bytes: pruned.bytes });
  return { ...pruned, recipe };
}
