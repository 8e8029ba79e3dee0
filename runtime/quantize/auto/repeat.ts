/** A composed recipe on a model and data, without timing anything: what `auto` found, made again. */
import { readFile } from 'node:fs/promises';
import { OctetError } from '../../base/errors.ts';
import { evenly, type Samples, splitHeldOut } from '../../data/samples.ts';
import { prepareModel } from '../prepare/prepare.ts';
import { rewriteForSpeed } from '../prepare/speed-rewrites.ts';
import { observeFor, type QuantizeOptions } from '../quantize.ts';
import { buildParts } from './build-composed.ts';
import { type ComposedRecipe, isUnchanged } from './composed-recipe.ts';
import type { BuiltModel } from './search.ts';

/**
 * The same bytes as `quantizeAuto` gave, on the same architecture. Opens sessions.
 * @param samples all of the data, the part that auto held out included; a recipe without static parts needs none.
 * @throws what preparing, observing and building throw; MODEL_UNSUPPORTED when a part finds nothing to do.
 */
export async function repeatComposed(
  path: string,
  samples: Samples | undefined,
  recipe: ComposedRecipe,
  options: QuantizeOptions = {},
): Promise<BuiltModel> {
  if (isUnchanged(recipe)) return { bytes: new Uint8Array(await readFile(path)), outcomes: [] };
  const model = await rewriteForSpeed(await prepareModel(path), recipe.rewrites);
  const used = samples && calibrationOf(samples, recipe);
  const observation = await observeFor(model, recipe.parts, used, options);
  const built = await buildParts(model, recipe.parts, observation, used);
  if (!built.ok) throw new OctetError('MODEL_UNSUPPORTED', `${path}: expected the recipe to fit, but ${built.reason}`);
  return built;
}

/** The samples that ranges are taken from. */
export function calibrationOf(samples: Samples, recipe: Pick<ComposedRecipe, 'samples'>): Samples {
  return evenly(splitHeldOut(samples).calibration, recipe.samples);
}
