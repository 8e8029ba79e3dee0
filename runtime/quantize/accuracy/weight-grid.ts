/**
 * The grid that a layer's weights are rounded to, said in float: methods that move weights give float weights back, which the
 * quantiser then rounds to the very same integers, because the largest of them keeps its place and with it the scale.
 */
import { symmetricScales } from '../numerics.ts';
import { channelMaxima, type Layer } from './layers.ts';

export type GridChoice = {
  /** One scale for each output channel, or one in all. */
  readonly perChannel: boolean;
  /** Steps on each side of zero: 127 for int8, 64 with a reduced range, 7 for int4. */
  readonly steps: number;
};

/** One scale for each output channel of the layer; all equal when they share one. */
export function gridScales(values: Float32Array, layer: Layer, { perChannel, steps }: GridChoice): Float64Array {
  const own = channelMaxima(values, layer.outputs, layer.outputOf);
  const maxima = perChannel ? own : own.fill(own.reduce((a, b) => Math.max(a, b), 0));
  return Float64Array.from(symmetricScales(Float32Array.from(maxima), steps));
}

/** Rounded to the grid and back to float. */
export function onGrid(values: Float32Array, layer: Layer, grid: GridChoice): Float32Array<ArrayBuffer> {
  const scales = gridScales(values, layer, grid);
  return Float32Array.from(values, (w, i) => {
    const scale = scales[layer.outputOf(i)]!;
    return Math.round(w / scale) * scale;
  });
}
