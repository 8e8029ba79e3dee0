/** Where rounding begins: the levels of each tensor by its bits, and the scales that training starts from. */
import { sliceShape } from '../../graph/quantized-tensor.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { absoluteMaxima, levelsOf, type QuantParams } from '../../quantize/numerics.ts';
import { matchesName, type QatRecipe } from '../../quantize/recipe.ts';

/** Levels 0 … steps; `zeroPoint` is the one that stands for 0. Weights: −steps … steps, `zeroPoint` 0. */
export type Grid = { readonly steps: number; readonly zeroPoint: number };

export type Bits = { readonly weightBits: number; readonly activationBits: number };

/** The recipe's bits for one node. */
export function bitsFor(recipe: Pick<QatRecipe, 'weightBits' | 'activationBits' | 'overrides'>, node: string): Bits {
  const fitting = recipe.overrides.filter(({ nodes }) => matchesName(nodes, node));
  const last = <K extends keyof Bits>(key: K) => fitting.findLast((each) => each[key] !== undefined)?.[key];
  return {
    weightBits: last('weightBits') ?? recipe.weightBits,
    activationBits: last('activationBits') ?? recipe.activationBits,
  };
}

/** The same range with the levels of these bits. */
export function activationGrid(params: QuantParams, bits: number): Grid & { readonly scale: number } {
  const steps = 2 ** bits - 1;
  return { steps, ...levelsOf(params, steps) };
}

/** Tried from the full range down. */
const fractions = Array.from({ length: 68 }, (_, i) => 1 - i / 100);

/**
 * Scales of least squared error, one for each slice along `axis` or one in all: with 8 bits nearly always those of the largest
 * value, with 4 not.
 */
export function weightScales(
  weight: Tensor<'float32'>,
  axis: number | undefined,
  bits: number,
): { readonly grid: Grid; readonly scales: Float32Array<ArrayBuffer> } {
  const steps = 2 ** (bits - 1) - 1;
  const { channels, inner } = sliceShape(weight.dims, axis);
  const maxima = absoluteMaxima(weight, axis);
  const least = new Float64Array(channels).fill(Number.POSITIVE_INFINITY);
  const scales = new Float32Array(channels).fill(1);
  for (const fraction of fractions) {
    const errors = new Float64Array(channels);
    for (const [i, w] of weight.data.entries()) {
      const channel = axis === undefined ? 0 : Math.floor(i / inner) % channels;
      const scale = (maxima[channel]! * fraction) / steps;
      if (scale === 0) continue;
      const q = Math.min(Math.max(Math.round(w / scale), -steps), steps);
      errors[channel]! += (q * scale - w) ** 2;
    }
    for (const [channel, error] of errors.entries())
      if (error < least[channel]! && maxima[channel]! > 0) {
        least[channel] = error;
        scales[channel] = (maxima[channel]! * fraction) / steps;
      }
  }
  return { grid: { steps, zeroPoint: 0 }, scales };
}
