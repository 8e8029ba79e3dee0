/**
 * From a float model and samples to a quantised one: prepare, observe, apply the recipe, verify. What only some recipes need is
 * loaded when one does: a third of the code, which small devices need not hold.
 */
import { OctetError } from '../base/errors.ts';
import type { Samples } from '../data/samples.ts';
import { type Model, opsetVersion } from '../graph/model.ts';
import { asksForAccuracy } from './accuracy/asks.ts';
import { allNodes } from './bodies/map-graphs.ts';
import { type CustomObserver, type Observation, observe } from './observe.ts';
import type { Ranges } from './place/place.ts';
import { prepareModel } from './prepare/prepare.ts';
import { neededOpset, whatKeepsOpset } from './prepare/raise-opset.ts';
import { type ObserverName, type Recipe, type StaticRecipe, settingsFor } from './recipe.ts';
import { quantizeStatic, tensorsFor } from './static.ts';
import type { Quantized } from './verify/settle.ts';

export type QuantizeOptions = {
  /** @param fraction 0 to 1. */
  readonly onProgress?: (fraction: number, detail: string) => void;
  readonly signal?: AbortSignal;
  /** Takes the place of the recipe's observer, wherever no override names one. */
  readonly observer?: CustomObserver;
};

/**
 * One recipe on one model. A dynamic recipe reads no samples. Opens sessions: a long-lived process leaves it to a child.
 * @throws FILE_*, MODEL_INVALID, MODEL_UNSUPPORTED, DATA_*; the signal's reason when aborted.
 */
export async function quantize(
  path: string,
  samples: Samples | undefined,
  recipe: Recipe,
  options: QuantizeOptions = {},
): Promise<Quantized> {
  const model = await prepareModel(path);
  return buildVariant(model, recipe, samples, await observeAs(model, recipe, samples, options), options);
}

/**
 * `applyRecipe` after the accuracy methods that the recipe asks for, which look at the samples again; where it asks for none, it
 * is the same.
 * @param model prepared; @param observation of this model, with this recipe among the recipes.
 * Opens sessions, one for each layer when biases are corrected. @throws DATA_*; the signal's reason when aborted.
 */
export async function buildVariant(
  model: Model,
  recipe: Recipe,
  samples: Samples | undefined,
  observation: Observation,
  options: QuantizeOptions = {},
): Promise<Quantized> {
  if (!asksForAccuracy(recipe) || isTooOld(model)) return applyRecipe(model, recipe, observation);
  if (!samples) throw noSamples();
  const { evenChannels, refineWeights } = await import('./accuracy/improve.ts');
  const even = await evenChannels(model, recipe, samples, options);
  const observed = even === model ? observation : await observeAs(even, recipe, samples, options);
  const refined = await refineWeights(even, recipe, samples, rangesFor(even, recipe, observed), options);
  return applyRecipe(refined, recipe, observed);
}

/** The observation of one recipe, with the caller's own observer in the place of the recipe's. */
async function observeAs(
  model: Model,
  recipe: Recipe,
  samples: Samples | undefined,
  options: QuantizeOptions,
): Promise<Observation> {
  const observation = await observeFor(model, [recipe], samples, options);
  const own = options.observer && observation.get(options.observer.name);
  return own && recipe.kind === 'static' ? new Map([...observation, [recipe.observer, own]]) : observation;
}

/** One pass over the samples for all of these recipes: each tensor they need, each observer they use. */
export async function observeFor(
  model: Model,
  recipes: readonly Recipe[],
  samples: Samples | undefined,
  { onProgress, signal, observer }: QuantizeOptions = {},
): Promise<Observation> {
  const statics = recipes.filter((recipe): recipe is StaticRecipe => recipe.kind === 'static');
  const tensors = [...new Set(statics.flatMap((recipe) => [...tensorsFor(model, recipe).keys()]))];
  if (tensors.length === 0 || isTooOld(model)) return new Map();
  if (!samples || samples.count === 0) throw noSamples();
  const { count } = samples;
  return observe(model, tensors, samples, {
    observers: [...new Set(statics.flatMap(observersOf)), ...(observer ? [observer] : [])],
    onSample: (seen) => onProgress?.(seen / count, `observed ${seen} of ${count} samples`),
    ...(signal ? { signal } : {}),
  });
}

/** Nothing is made of it, so nothing needs to be observed. */
function isTooOld(model: Model): boolean {
  return (opsetVersion(model) ?? 0) < neededOpset;
}

/** @param model prepared; @param observation from `observeFor` with this recipe among the recipes. */
export async function applyRecipe(model: Model, recipe: Recipe, observation: Observation): Promise<Quantized> {
  if (isTooOld(model)) {
    const reason = `operator set ${opsetVersion(model) ?? 0} cannot be raised to ${neededOpset} because of ${whatKeepsOpset(model) ?? 'its age'}`;
    return {
      ok: false,
      reason,
      outcomes: allNodes(model.graph).map(({ name, opType }) => ({ node: name, opType, reason })),
    };
  }
  if (recipe.kind === 'dynamic') return (await import('./dynamic/dynamic.ts')).quantizeDynamic(model, recipe);
  if (recipe.kind === 'weight-only')
    return (await import('./weight-only/weight-only.ts')).quantizeWeights(model, recipe);
  return quantizeStatic(model, recipe, rangesFor(model, recipe, observation));
}

function noSamples(): OctetError {
  return new OctetError('DATA_INVALID', 'calibration: expected at least one sample, got none', {
    hint: 'Static recipes need calibration data: --data DATA. Without data: --recipe dynamic.',
  });
}

function observersOf({ observer, overrides }: StaticRecipe): readonly ObserverName[] {
  return [observer, ...overrides.flatMap((override) => override.observer ?? [])];
}

/** Of each tensor the range by the observer that the recipe has for its node. */
function rangesFor(model: Model, recipe: StaticRecipe, observation: Observation): Ranges {
  const ranges = new Map(observation.get(recipe.observer));
  if (recipe.overrides.length === 0) return ranges;
  for (const [name, node] of tensorsFor(model, recipe)) {
    const range = observation.get(settingsFor(recipe, node).observer)?.get(name);
    if (range) ranges.set(name, range);
  }
  return ranges;
}
