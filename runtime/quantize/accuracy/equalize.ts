/**
 * Cross-layer equalisation: Conv(x; W₁, b₁) → Relu → Conv(·; W₂) ⇒ Conv(x; W₁/s, b₁/s) → Relu → Conv(·; s·W₂), one s > 0 for each
 * channel between them. The function stays the same; what one scale must cover becomes narrower.
 * Source: Nagel et al. 2019, Data-Free Quantization, section 4.1: s = √(r₁·r₂)/r₂.
 */
import type { Graph } from '../../graph/model.ts';
import { biasOf, channelMaxima, type Layer, weightsOf, withBias, withWeights } from './layers.ts';
import { findPairs, type Pair } from './pairs.ts';

/**
 * How far each output channel of a layer reaches, by the layer's output: where weights have one scale for each channel
 * anyway, what has to be evened out is the activations, which have one for all.
 */
export type ChannelReach = ReadonlyMap<string, Float64Array>;

/** Scales beyond this would turn rounding in float32 itself into an error that shows. */
const strongest = 1e4;
/** Pairs share layers, so one pass undoes a little of another; it converges geometrically. */
const maxPasses = 20;

/**
 * @param reach of activations, for recipes with one weight scale for each channel; undefined balances weights against weights.
 */
export function equalizeChannels(graph: Graph, reach?: ChannelReach): Graph {
  const pairs = findPairs(graph);
  const totals = new Map(pairs.map(({ first }) => [first.output, new Float64Array(first.outputs).fill(1)]));
  let current = graph;
  for (let pass = 0; pass < maxPasses; pass++) {
    let change = 0;
    for (const pair of pairs) {
      const total = totals.get(pair.first.output)!;
      const scales = balance(current, pair, reach?.get(pair.first.output), total);
      current = rescale(current, pair, scales);
      for (const [i, scale] of scales.entries()) total[i]! *= scale;
      change = scales.reduce((largest, scale) => Math.max(largest, Math.abs(Math.log(scale))), change);
    }
    if (change < 1e-3) break;
  }
  return current;
}

/** @param done what the channels were divided by so far. */
function balance(graph: Graph, { first, second, spread }: Pair, reach: Float64Array | undefined, done: Float64Array) {
  const own = channelMaxima(weightsOf(graph, first).data, first.outputs, first.outputOf);
  const left = reach ? reach.map((value, i) => value / done[i]!) : own;
  const right = channelMaxima(weightsOf(graph, second).data, first.outputs, (index) =>
    Math.floor(second.inputOf(index) / spread),
  );
  return left.map((r1, i) => {
    const r2 = right[i]!;
    // A dead channel has nothing to balance.
    if (!(r1 > 0 && r2 > 0 && own[i]! > 0)) return 1;
    const limit = strongest / done[i]!;
    return Math.min(Math.max(Math.sqrt(r1 / r2), 1 / (strongest * done[i]!)), limit);
  });
}

function rescale(graph: Graph, { first, second, spread }: Pair, scales: Float64Array): Graph {
  const divided = weightsOf(graph, first).data.map((w, i) => w / scales[first.outputOf(i)]!);
  const multiplied = weightsOf(graph, second).data.map((w, i) => w * scales[Math.floor(second.inputOf(i) / spread)]!);
  const changed = withWeights(withWeights(graph, first, divided), second, multiplied);
  return first.bias === undefined ? changed : withBias(changed, first, scaledBias(graph, first, scales));
}

function scaledBias(graph: Graph, layer: Layer, scales: Float64Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(biasOf(graph, layer), (b, i) => b / scales[i]!);
}
