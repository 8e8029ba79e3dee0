/**
 * Bias correction: b ⇒ b + E[y] − E[ŷ] for each output channel, y of the float model and ŷ of the quantised one, over the
 * calibration data. Layer by layer from the input on, so that each sees what the corrected ones before it give.
 * Source: Nagel et al. 2019, Data-Free Quantization, section 4.3 and appendix D (empirical).
 */
import { evenly, type Samples } from '../../data/samples.ts';
import type { Model } from '../../graph/model.ts';
import type { Placement } from '../place/place.ts';
import { channelStatistics } from './channel-statistics.ts';
import { emulate } from './emulate.ts';
import { biasOf, canHaveBias, layersOf, withBias } from './layers.ts';
import type { StreamOptions } from './stream-values.ts';
import type { GridChoice } from './weight-grid.ts';

/** A mean needs no more: its error falls with the root of samples times positions. */
const maxSamples = 64;

/**
 * @param float the model whose means are right; @param model the same graph with the weights that will be quantised.
 * @returns the model with corrected float biases. Opens a session for each layer: leave it to a process that ends.
 */
export async function correctBias(
  float: Model,
  model: Model,
  placement: Placement,
  grid: GridChoice,
  samples: Samples,
  options: StreamOptions = {},
): Promise<Model> {
  const chosen = new Set(placement.units.map(({ node }) => node.name));
  const layers = layersOf(model.graph).filter((layer) => chosen.has(layer.node.name) && canHaveBias(layer));
  const few = evenly(samples, maxSamples);
  const right = await channelStatistics(float, layers, few, options);
  let { graph } = model;
  let emulated = emulate(graph, placement, grid);
  for (const layer of layers) {
    const [got] = (await channelStatistics({ ...model, graph: emulated }, [layer], few, options)).values();
    const shift = right.get(layer.output)!.mean.map((mean, i) => mean - got!.mean[i]!);
    const corrected = Float32Array.from(biasOf(graph, layer), (b, i) => b + shift[i]!);
    graph = withBias(graph, layer, corrected);
    emulated = withBias(emulated, layer, corrected);
  }
  return { ...model, graph };
}
