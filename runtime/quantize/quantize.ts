/** From a float model and samples to a quantised one: prepare, observe, apply the recipe, verify. */
import { OctetError } from '../base/errors.ts';
import type { Samples } from '../data/samples.ts';
import { type Model, opsetVersion } from '../graph/model.ts';
import { quantizeDynamic } from './dynamic/dynamic.ts';
import { type Observation, observe } from './observe.ts';
import { tensorsToObserve } from './place/place.ts';
import { chooseUnits } from './place/units.ts';
import { prepareModel } from './prepare/prepare.ts';
import { neededOpset, whatKeepsOpset } from './prepare/raise-opset.ts';
import type { Recipe, StaticRecipe } from './recipe.ts';
import { quantizeStatic } from './static.ts';
import type { Quantized } from './verify/settle.ts';

export type QuantizeOptions = {
  /** @param fraction 0 to 1. */
  readonly onProgress?: (fraction: number, detail: string) => void;
  readonly signal?: AbortSignal;
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
  return applyRecipe(model, recipe, await observeFor(model, [recipe], samples, options));
}

/** One pass over the samples for all of these recipes: each tensor they need, each observer they use. */
export async function observeFor(
  model: Model,
  recipes: readonly Recipe[],
  samples: Samples | undefined,
  { onProgress, signal }: QuantizeOptions = {},
): Promise<Observation> {
  const statics = recipes.filter((recipe): recipe is StaticRecipe => recipe.kind === 'static');
  const wanted = statics.map((recipe) => tensorsToObserve(chooseUnits(model.graph, recipe, new Map()).units));
  const tensors = [...new Set(wanted.flat())];
  if (tensors.length === 0) return new Map();
  if (!samples || samples.count === 0)
    throw new OctetError('DATA_INVALID', 'calibration: expected at least one sample, got none', {
      hint: 'Static recipes need calibration data: --data DATA. Without data: --recipe dynamic.',
    });
  const { count } = samples;
  return observe(model, tensors, samples, {
    observers: [...new Set(statics.map(({ observer }) => observer))],
    onSample: (seen) => onProgress?.(seen / count, `observed ${seen} of ${count} samples`),
    ...(signal ? { signal } : {}),
  });
}

/** @param model prepared; @param observation from `observeFor` with this recipe among the recipes. */
export async function applyRecipe(model: Model, recipe: Recipe, observation: Observation): Promise<Quantized> {
  const opset = opsetVersion(model) ?? 0;
  if (opset < neededOpset) {
    const reason = `operator set ${opset} cannot be raised to ${neededOpset} because of ${whatKeepsOpset(model) ?? 'its age'}`;
    return {
      ok: false,
      reason,
      outcomes: model.graph.nodes.map(({ name, opType }) => ({ node: name, opType, reason })),
    };
  }
  if (recipe.kind === 'dynamic') return quantizeDynamic(model, recipe);
  return quantizeStatic(model, recipe, observation.get(recipe.observer) ?? new Map());
}
