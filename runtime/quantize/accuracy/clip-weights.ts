/**
 * Weight ranges of least squared error: w ⇒ clip(w, ±α·max|w|), one α ≤ 1 for each scale, chosen so that clipping and rounding
 * together lose least. With 8 bits α is almost always 1; with 4 bits it is not.
 */
import type { Graph } from '../../graph/model.ts';
import { channelMaxima, type Layer, layersOf, weightsOf, withWeights } from './layers.ts';
import type { GridChoice } from './weight-grid.ts';

/** Tried from the full range down; below a third, clipping has never paid even with 4 bits. */
const fractions = Array.from({ length: 68 }, (_, i) => 1 - i / 100);

/** @param isChosen the nodes, by name, whose weights will be quantised. */
export function clipWeights(graph: Graph, grid: GridChoice, isChosen: (node: string) => boolean): Graph {
  return layersOf(graph)
    .filter(({ node }) => isChosen(node.name))
    .reduce((current, layer) => {
      const values = weightsOf(current, layer).data;
      const bounds = clipBounds(values, layer, grid);
      const clip = (w: number, i: number) => {
        const bound = bounds[layer.outputOf(i)]!;
        return Math.min(Math.max(w, -bound), bound);
      };
      return withWeights(current, layer, Float32Array.from(values, clip));
    }, graph);
}

/** The best bound of each output channel; of equals, the widest. */
function clipBounds(values: Float32Array, layer: Layer, { perChannel, steps }: GridChoice): Float64Array {
  const scaleOf = perChannel ? layer.outputOf : () => 0;
  const count = perChannel ? layer.outputs : 1;
  const maxima = channelMaxima(values, count, scaleOf);
  const least = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const bounds = maxima.slice();
  for (const fraction of fractions) {
    const tried = maxima.map((maximum) => maximum * fraction);
    const errors = squaredErrors(values, tried, scaleOf, steps);
    for (const [i, error] of errors.entries()) if (error < least[i]!) [least[i], bounds[i]] = [error, tried[i]!];
  }
  return Float64Array.from({ length: layer.outputs }, (_, i) => bounds[perChannel ? i : 0]!);
}

function squaredErrors(
  values: Float32Array,
  bounds: Float64Array,
  scaleOf: (index: number) => number,
  steps: number,
): Float64Array {
  const errors = new Float64Array(bounds.length);
  for (let i = 0; i < values.length; i++) {
    const at = scaleOf(i);
    const scale = bounds[at]! / steps;
    if (scale === 0) continue;
    const q = Math.min(Math.max(Math.round(values[i]! / scale), -steps), steps);
    errors[at]! += (q * scale - values[i]!) ** 2;
  }
  return errors;
}
