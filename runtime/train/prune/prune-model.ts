/** One model pruned as a recipe says, and what became of each of its layers. */
import { deflateRawSync } from 'node:zlib';
import { OctetError } from '../../base/errors.ts';
import { evenly, type Samples } from '../../data/samples.ts';
import { constantOf, readTensor } from '../../graph/initializer.ts';
import type { Graph, Model } from '../../graph/model.ts';
import { encodeModel } from '../../graph/save.ts';
import type { Feeds } from '../../graph/tensor.ts';
import { type NodeFigures, nodeFigures, sum } from '../../quantize/inspect/node-figures.ts';
import { rewriteForSpeed } from '../../quantize/prepare/speed-rewrites.ts';
import { matchesName } from '../../quantize/recipe.ts';
import type { Coupling, WholeLayer } from './coupling/couple-channels.ts';
import { couplingOf, pruneChannels } from './prune-channels.ts';
import type { PruneRecipe } from './prune-recipe.ts';
import { pruneWeights } from './prune-weights.ts';
import type { PruneOptions } from './tune.ts';
import { layerWeights } from './weight-masks.ts';

export type PrunedModel = {
  readonly bytes: Uint8Array;
  readonly before: ModelSize;
  readonly after: ModelSize;
  /** Layers with weights, in the model's order. */
  readonly layers: readonly LayerChange[];
  /** Layers of which channels cannot go, and why; empty for unstructured pruning. */
  readonly whole: readonly WholeLayer[];
  /** Over the first and the last steps of the last round; null when nothing was tuned. */
  readonly loss: { readonly first: number; readonly last: number } | null;
};

export type ModelSize = {
  readonly multiplyAdds: number;
  readonly sizeBytes: number;
  /** What deflate, the method of zip and gzip, makes of the file. */
  readonly compressedBytes: number;
  /** Share of the layers' weights that are zero. */
  readonly zeros: number;
};

export type LayerChange = {
  readonly node: string;
  readonly opType: string;
  readonly before: LayerSize;
  readonly after: LayerSize;
};

export type LayerSize = { readonly channels: number; readonly multiplyAdds: number; readonly weightBytes: number };

/**
 * @param prepared by quantize/prepare; @param samples to tune on: none that judge the result.
 * @throws DATA_INVALID without samples, RECIPE_INVALID for a ratio that would empty a layer or layers that are not there, what
 * `fineTune` throws. Opens sessions: for a process that ends.
 */
export async function pruneModel(
  prepared: Model,
  samples: Samples,
  recipe: PruneRecipe,
  options: PruneOptions,
): Promise<PrunedModel> {
  if (samples.count === 0)
    throw new OctetError('DATA_INVALID', 'pruning: expected samples to tune on, got none', {
      hint: 'Give more data: three samples in ten are held out for judging.',
    });
  const feeds = await samples.feeds(0);
  // A recurrent layer whose first state is written as zeros could not be made smaller.
  const model = await rewriteForSpeed(prepared, ['fewer-nodes']);
  const prune = recipe.form === 'structured' ? pruneChannels : pruneWeights;
  const coupling = await couplingOf(model, feeds);
  refuseUnknownLayers(recipe, coupling);
  const { model: pruned, loss } = await prune(model, evenly(samples, recipe.samples), recipe, options);
  const [before, after] = [await described(model, feeds), await described(pruned, feeds)];
  return {
    bytes: after.bytes,
    before: before.size,
    after: after.size,
    layers: before.layers.map(({ node, opType, size }) => {
      const same = after.layers.find((layer) => layer.node === node)!;
      return { node, opType, before: size, after: same.size };
    }),
    whole: recipe.form === 'structured' ? coupling.whole : [],
    loss,
  };
}

function refuseUnknownLayers({ exclude }: PruneRecipe, { layers }: Coupling): void {
  const names = layers.map(({ node }) => node);
  const unknown = exclude.filter((pattern) => !names.some((name) => matchesName(pattern, name)));
  if (unknown.length === 0) return;
  throw new OctetError('RECIPE_INVALID', `exclude: expected names of layers, got ${unknown.join(', ')}`, {
    hint: `After folding, the layers are ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`,
  });
}

/** Opens a session. */
async function described(model: Model, feeds: Feeds) {
  const coupling = await couplingOf(model, feeds);
  const figures = new Map(nodeFigures(model, coupling.shapes).map((row) => [row.node, row]));
  const bytes = encodeModel(model);
  const size: ModelSize = {
    multiplyAdds: sum([...figures.values()].map(({ multiplyAdds }) => multiplyAdds ?? 0)),
    sizeBytes: bytes.byteLength,
    compressedBytes: deflateRawSync(bytes).byteLength,
    zeros: zeroShare(model.graph),
  };
  const layers = coupling.layers.map(({ node, opType, output, axis }) => {
    const channels = coupling.shapes.get(output)?.[axis] ?? 0;
    return { node, opType, size: { channels, ...sizesOf(figures.get(node)) } };
  });
  return { bytes, size, layers };
}

function sizesOf(figures: NodeFigures | undefined) {
  return { multiplyAdds: figures?.multiplyAdds ?? 0, weightBytes: figures?.weightBytes ?? 0 };
}

function zeroShare(graph: Graph): number {
  const weights = layerWeights(graph).map((name) => readTensor(constantOf(graph, name)!).data as Float32Array);
  const zeros = sum(weights.map((data) => data.filter((value) => value === 0).length));
  return zeros / Math.max(1, sum(weights.map(({ length }) => length)));
}
