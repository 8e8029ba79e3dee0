/** A static recipe with fewer bits for each weight than the product offers with int8 activations, in float emulation: where methods show. */
import type { Samples } from '../../../../runtime/data/samples.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import { clipWeights } from '../../../../runtime/quantize/accuracy/clip-weights.ts';
import { correctBias } from '../../../../runtime/quantize/accuracy/correct-bias.ts';
import { emulate } from '../../../../runtime/quantize/accuracy/emulate.ts';
import { evenChannels } from '../../../../runtime/quantize/accuracy/improve.ts';
import { reconstructWeights } from '../../../../runtime/quantize/accuracy/reconstruct.ts';
import { place } from '../../../../runtime/quantize/place/place.ts';
import { chooseUnits } from '../../../../runtime/quantize/place/units.ts';
import { observeFor } from '../../../../runtime/quantize/quantize.ts';
import type { StaticRecipe } from '../../../../runtime/quantize/recipe.ts';

export async function emulateFewBits(
  model: Model,
  recipe: StaticRecipe,
  samples: Samples,
  bits: number,
): Promise<Model> {
  const even = await evenChannels(model, recipe, samples);
  const ranges = (await observeFor(even, [recipe], samples)).get(recipe.observer)!;
  const { units } = chooseUnits(even.graph, recipe, new Map());
  const placement = place(even.graph, units, ranges, recipe);
  const chosen = new Set(units.map(({ node }) => node.name));
  const isChosen = (node: string) => chosen.has(node);
  const grid = { perChannel: recipe.perChannel, steps: 2 ** (bits - 1) - 1 };
  const clipped = recipe.weightRange === 'mse' ? { ...even, graph: clipWeights(even.graph, grid, isChosen) } : even;
  const rounded =
    recipe.rounding === 'reconstruct' ? await reconstructWeights(clipped, grid, samples, isChosen) : clipped;
  const corrected = recipe.biasCorrection ? await correctBias(even, rounded, placement, grid, samples) : rounded;
  return { ...corrected, graph: emulate(corrected.graph, placement, grid) };
}
