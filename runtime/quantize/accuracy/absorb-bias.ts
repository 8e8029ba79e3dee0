/**
 * High-bias absorption: Conv(x; W₁, b₁) → Relu → Conv(·; W₂, b₂) ⇒ Conv(x; W₁, b₁ − c) → Relu → Conv(·; W₂, b₂ + W₂·c). Where a channel
 * never falls below c > 0, the Relu lets c through unchanged, and it costs the activations' one scale range for nothing.
 * Source: Nagel et al. 2019, Data-Free Quantization, section 4.2; there c is guessed from batch normalisation, here it is
 * what the calibration data never fell below, so that on it the function stays the same.
 */
import { intsAttribute, stringAttribute } from '../../graph/attributes.ts';
import type { Graph, Node } from '../../graph/model.ts';
import { biasOf, canHaveBias, type Layer, weightsOf, withBias } from './layers.ts';
import { findPairs, type Pair } from './pairs.ts';

/** Layers whose channels' least values `absorbBias` asks for, by output. */
export function layersToAbsorb(graph: Graph): readonly Layer[] {
  return findPairs(graph)
    .filter(isAbsorbing)
    .map(({ first }) => first);
}

/** @param least of each output channel of a layer, before the Relu, by the layer's output. */
export function absorbBias(graph: Graph, least: ReadonlyMap<string, Float64Array>): Graph {
  return findPairs(graph)
    .filter(isAbsorbing)
    .reduce((current, pair) => {
      const floor = least.get(pair.first.output)?.map((value) => Math.max(value, 0));
      return floor?.some((c) => c > 0) ? move(current, pair, floor) : current;
    }, graph);
}

function move(graph: Graph, { first, second, spread }: Pair, floor: Float64Array): Graph {
  const sums = new Float64Array(second.outputs);
  for (const [i, w] of weightsOf(graph, second).data.entries())
    sums[second.outputOf(i)]! += w * floor[Math.floor(second.inputOf(i) / spread)]!;
  const lowered = withBias(
    graph,
    first,
    Float32Array.from(biasOf(graph, first), (b, i) => b - floor[i]!),
  );
  // The first bias may be new; the second layer is another node, so its record still holds.
  return withBias(
    lowered,
    second,
    Float32Array.from(biasOf(graph, second), (b, i) => b + sums[i]!),
  );
}

/** A constant passes through Relu and averages, but what is padded with zeros has no constant to pass. */
function isAbsorbing({ first, second, between }: Pair): boolean {
  const kinds = between.map(({ opType }) => opType);
  const passes = kinds[0] === 'Relu' && kinds.every((kind) => kind !== 'LeakyRelu');
  return passes && canHaveBias(first) && canHaveBias(second) && ![...between, second.node].some(isPadded);
}

function isPadded(node: Node): boolean {
  const automatic = stringAttribute(node, 'auto_pad', 'NOTSET');
  return intsAttribute(node, 'pads', []).some((size) => size !== 0) || !['NOTSET', 'VALID'].includes(automatic);
}
