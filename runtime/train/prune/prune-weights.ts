/** Unstructured pruning: the least weights become zero and stay so while the others are tuned, round by round. */
import type { Samples } from '../../data/samples.ts';
import { constantOf, readTensor } from '../../graph/initializer.ts';
import type { Model } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { matchesName } from '../../quantize/recipe.ts';
import { withWeights } from '../with-weights.ts';
import type { PruneRecipe } from './prune-recipe.ts';
import { type PruneOptions, roundsOf, type Tuned, tune } from './tune.ts';
import { chooseMasks, type Masks } from './weight-masks.ts';

/** @throws RECIPE_INVALID for a ratio that would empty a layer; what `fineTune` throws. Opens sessions. */
export async function pruneWeights(
  model: Model,
  samples: Samples,
  recipe: PruneRecipe,
  options: PruneOptions,
): Promise<Tuned> {
  const { scope, criterion, seed, exclude } = recipe;
  let current: Tuned = { model, loss: null };
  for (const round of roundsOf(recipe)) {
    options.signal?.throwIfAborted();
    const masks = chooseMasks(current.model.graph, {
      ratio: shareAt(recipe.ratio, round.round / round.rounds),
      scope,
      ...(criterion === 'random' ? { randomSeed: seed } : {}),
      isExcluded: (node) => exclude.some((pattern) => matchesName(pattern, node)),
    });
    current = await tune(withMasks(current.model, masks), model, samples, recipe, round, options, masks);
  }
  return current;
}

/** Most goes early, while there is much to spare. Source: Zhu and Gupta 2017, eq. 1. */
function shareAt(ratio: number, done: number): number {
  return ratio * (1 - (1 - done) ** 3);
}

/** The model with zeros where a mask has them. */
export function withMasks(model: Model, masks: Masks): Model {
  const zeroed = [...masks].map(([name, mask]) => {
    const { dims, data } = readTensor(constantOf(model.graph, name)!) as Tensor<'float32'>;
    return [name, { type: 'float32', dims, data: data.map((value, at) => value * mask.data[at]!) } as const] as const;
  });
  return withWeights(model, new Map(zeroed));
}
