/**
 * The accuracy methods in their order. All of them turn the float model into another float model that quantises better, so
 * formats and placement know nothing of them (layers inside If and Loop stay as they are): first what changes ranges (before they are observed), then what changes weights.
 */
import type { Samples } from '../../data/samples.ts';
import type { Model } from '../../graph/model.ts';
import { weightSteps } from '../numerics.ts';
import { place, type Ranges, tensorsToObserve } from '../place/place.ts';
import type { Unit } from '../place/unit.ts';
import { chooseUnits } from '../place/units.ts';
import type { StaticRecipe } from '../recipe.ts';
import { absorbBias, layersToAbsorb } from './absorb-bias.ts';
import { changesRanges, changesWeights } from './asks.ts';
import { channelStatistics } from './channel-statistics.ts';
import { clipWeights } from './clip-weights.ts';
import { correctBias } from './correct-bias.ts';
import { type ChannelReach, equalizeChannels } from './equalize.ts';
import { findPairs } from './pairs.ts';
import { reconstructWeights } from './reconstruct.ts';
import type { StreamOptions } from './stream-values.ts';

/** What comes before observing. @param model prepared. Opens sessions. @throws what `streamValues` throws. */
export async function evenChannels(
  model: Model,
  recipe: StaticRecipe,
  samples: Samples,
  options: StreamOptions = {},
): Promise<Model> {
  if (!changesRanges(recipe)) return model;
  let { graph } = model;
  if (recipe.equalize)
    graph = equalizeChannels(graph, recipe.perChannel ? await reachOf(model, samples, options) : undefined);
  if (!recipe.absorbBias) return { ...model, graph };
  const layers = layersToAbsorb(graph);
  const statistics = await channelStatistics({ ...model, graph }, layers, samples, options);
  const least = new Map([...statistics].map(([name, each]) => [name, each.least]));
  return { ...model, graph: absorbBias(graph, least) };
}

/** How far activations reach, behind the Relu where there is one. */
async function reachOf(model: Model, samples: Samples, options: StreamOptions): Promise<ChannelReach> {
  const pairs = findPairs(model.graph);
  const layers = pairs.map(({ first }) => first);
  const statistics = await channelStatistics(model, layers, samples, options);
  return new Map(
    pairs.map(({ first, between }) => {
      const { least, greatest } = statistics.get(first.output)!;
      const below = (i: number) => (between[0]?.opType === 'Relu' ? 0 : -least[i]!);
      return [first.output, greatest.map((value, i) => Math.max(value, below(i), 0))];
    }),
  );
}

/**
 * What comes after observing. @param model with even channels; @param ranges of its activations.
 * Opens a session for each layer: leave it to a process that ends. @throws QUANT_RANGE, and what `streamValues` throws.
 */
export async function refineWeights(
  model: Model,
  recipe: StaticRecipe,
  samples: Samples,
  ranges: Ranges,
  options: StreamOptions = {},
): Promise<Model> {
  if (!changesWeights(recipe)) return model;
  const isObserved = (unit: Unit) => tensorsToObserve([unit]).every((name) => ranges.has(name));
  const units = chooseUnits(model.graph, recipe, new Map()).units.filter(isObserved);
  const chosen = new Set(units.map(({ node }) => node.name));
  const isChosen = (node: string) => chosen.has(node);
  const grid = { perChannel: recipe.perChannel, steps: weightSteps(recipe) };
  const placement = place(model.graph, units, ranges, recipe);
  const graph = recipe.weightRange === 'mse' ? clipWeights(model.graph, grid, isChosen) : model.graph;
  const clipped = { ...model, graph };
  const rounded =
    recipe.rounding === 'reconstruct' ? await reconstructWeights(clipped, grid, samples, isChosen, options) : clipped;
  return recipe.biasCorrection ? correctBias(model, rounded, placement, grid, samples, options) : rounded;
}
