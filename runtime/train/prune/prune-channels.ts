/** Structured pruning: the least important channels go, what is left is tuned towards the whole model, and so on for each round. */
import type { Samples } from '../../data/samples.ts';
import { evenly } from '../../data/samples.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds } from '../../graph/tensor.ts';
import { shapesOn } from '../../quantize/prepare/run-shapes.ts';
import { matchesName } from '../../quantize/recipe.ts';
import { chooseChannels } from './choose-channels.ts';
import { costOf } from './cost.ts';
import { type Coupling, coupleChannels } from './coupling/couple-channels.ts';
import { comparable, randomImportance, weightNorms } from './importance.ts';
import type { PruneRecipe } from './prune-recipe.ts';
import { removeChannels } from './remove-channels.ts';
import { taylorImportance } from './taylor.ts';
import { type PruneOptions, roundsOf, type Tuned, tune } from './tune.ts';

/** Two runs each; more samples have not changed the order of channels much. */
const taylorSamples = 256;

/**
 * @param model prepared; @param samples to tune on, and for `taylor`.
 * @throws RECIPE_INVALID for a ratio that would empty a layer; what `fineTune` throws. Opens sessions.
 */
export async function pruneChannels(
  model: Model,
  samples: Samples,
  recipe: PruneRecipe,
  options: PruneOptions,
): Promise<Tuned> {
  const feeds = await samples.feeds(0);
  const whole = costOf(model.graph, await couplingOf(model, feeds))[recipe.of];
  let current: Tuned = { model, loss: null };
  for (const round of roundsOf(recipe)) {
    options.signal?.throwIfAborted();
    const coupling = await couplingOf(current.model, feeds);
    const importance = await importanceOf(current.model, coupling, samples, recipe, options);
    const share = (recipe.ratio * round.round) / round.rounds;
    const removed = chooseChannels(current.model.graph, coupling, importance, {
      measure: recipe.of,
      most: whole * (1 - share),
      whole,
      scope: recipe.scope,
      multiple: recipe.multiple,
      isExcluded: (node) => recipe.exclude.some((pattern) => matchesName(pattern, node)),
    });
    const cut = removeChannels(current.model, coupling, removed);
    current = await tune(cut, model, samples, recipe, round, options);
  }
  return current;
}

/** @param feeds a batch of one. Opens a session. */
export async function couplingOf(model: Model, feeds: Feeds): Promise<Coupling> {
  return coupleChannels(model.graph, await shapesOn(model, feeds));
}

async function importanceOf(
  model: Model,
  coupling: Coupling,
  samples: Samples,
  { criterion, seed }: PruneRecipe,
  { classifies, signal }: PruneOptions,
): Promise<Float64Array> {
  if (criterion === 'random') return randomImportance(coupling, seed);
  if (criterion !== 'taylor')
    return comparable(weightNorms(model.graph, coupling, criterion === 'l1' ? 1 : 2), coupling);
  const few = evenly(samples, taylorSamples);
  const importance = await taylorImportance(model, coupling, few, { classifies, seed, ...(signal ? { signal } : {}) });
  return comparable(importance, coupling);
}
