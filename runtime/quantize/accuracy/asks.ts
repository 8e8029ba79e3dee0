/** What of the accuracy methods a recipe asks for. Apart from them, so that a recipe without any does not load them. */
import type { Recipe, StaticRecipe } from '../recipe.ts';

/** Whether for any: then it needs the samples again, and ranges of its own. */
export function asksForAccuracy(recipe: Recipe): recipe is StaticRecipe {
  return recipe.kind === 'static' && (changesRanges(recipe) || changesWeights(recipe));
}

export function changesRanges({ equalize, absorbBias }: StaticRecipe): boolean {
  return equalize || absorbBias;
}

export function changesWeights({ weightRange, rounding, biasCorrection }: StaticRecipe): boolean {
  return weightRange !== 'min-max' || rounding !== 'nearest' || biasCorrection;
}
