/** Least, greatest and mean value of each channel of inner values, over all samples and positions. */
import type { Samples } from '../../data/samples.ts';
import type { Model } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Layer } from './layers.ts';
import { type StreamOptions, streamValues } from './stream-values.ts';

export type ChannelStatistics = {
  readonly least: Float64Array;
  readonly greatest: Float64Array;
  readonly mean: Float64Array;
};

/** @returns of each layer's output, by its name. Opens a session. @throws what `streamValues` throws. */
export async function channelStatistics(
  model: Model,
  layers: readonly Layer[],
  samples: Samples,
  options: StreamOptions = {},
): Promise<ReadonlyMap<string, ChannelStatistics>> {
  const meters = new Map(layers.map((layer) => [layer.output, channelMeter(layer)]));
  const names = [...meters.keys()];
  await streamValues(model, names, samples, (name, value) => meters.get(name)!.add(value), options);
  return new Map([...meters].map(([name, meter]) => [name, meter.statistics()]));
}

function channelMeter({ outputs, outputAxis }: Layer) {
  const least = new Float64Array(outputs).fill(Number.POSITIVE_INFINITY);
  const greatest = new Float64Array(outputs).fill(Number.NEGATIVE_INFINITY);
  const sums = new Float64Array(outputs);
  let each = 0;
  return {
    add({ dims, data }: Tensor<'float32'>) {
      const inner = outputAxis === -1 ? 1 : dims.slice(2).reduce((product, size) => product * size, 1);
      for (let start = 0; start < data.length; start += inner) {
        const channel = (start / inner) % outputs;
        let [min, max, sum] = [least[channel]!, greatest[channel]!, 0];
        for (let i = start; i < start + inner; i++) {
          const value = data[i]!;
          if (value < min) min = value;
          if (value > max) max = value;
          sum += value;
        }
        [least[channel], greatest[channel]] = [min, max];
        sums[channel]! += sum;
      }
      each += data.length / outputs;
    },
    statistics(): ChannelStatistics {
      // Without a single value (an empty batch) every figure is 0.
      const [low, high] = each > 0 ? [least, greatest] : [sums, sums];
      return { least: low, greatest: high, mean: sums.map((sum) => sum / Math.max(each, 1)) };
    },
  };
}
