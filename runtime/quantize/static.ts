/** The static recipe: weights and activations in int8, with ranges found beforehand. */
import type { Model } from '../graph/model.ts';
import { transform } from './formats/qdq.ts';
import { place, type Ranges } from './place/place.ts';
import { chooseUnits } from './place/units.ts';
import type { StaticRecipe } from './recipe.ts';
import { type Attempt, type Quantized, settle, type TakenBack } from './verify/settle.ts';

/**
 * @param model prepared (see prepare.ts); @param ranges of every tensor that `tensorsToObserve` named.
 * @throws QUANT_RANGE, and what ONNX Runtime throws. Opens sessions.
 */
export function quantizeStatic(model: Model, recipe: StaticRecipe, ranges: Ranges): Promise<Quantized> {
  return settle(model, (takenBack) => attemptStatic(model, recipe, ranges, takenBack));
}

function attemptStatic(model: Model, recipe: StaticRecipe, ranges: Ranges, takenBack: TakenBack): Attempt {
  const { units, floats } = chooseUnits(model.graph, recipe, takenBack);
  const { graph, marks } = transform(model.graph, place(model.graph, units, ranges, recipe.activation));
  const unitOf = new Map(
    units.flatMap(({ node, folded }) => [node, ...(folded ? [folded] : [])].map((part) => [part, node.name] as const)),
  );
  return { model: { ...model, graph }, marks, unitOf, floats };
}
