/**
 * Counts inputs and outputs of the running model against its profile. It sits on the path of every window, so it looks at a
 * few dozen evenly spaced values and allocates nothing.
 */
import type { Tensor } from '../graph/tensor.ts';
import {
  binOf,
  type ChannelProfile,
  type InputCounts,
  type InputProfile,
  noCounts,
  type Range,
} from './input-profile.ts';

/** Values looked at per channel and window, and per input or output tensor: what is drifting is not gone within a window. */
const perChannel = 32;
const perTensor = 256;

export type InputCounters = {
  /** @param window [samples, channels] row-major; `input` and `output` the model's first ones. */
  count(window: Float32Array, input: Tensor | undefined, output: Tensor | undefined): void;
  /** What was counted since the last call. */
  take(): InputCounts;
};

export function createInputCounters({ channels, input: inputRange, output: outputRange }: InputProfile): InputCounters {
  const columns = columnsOf(channels);
  const width = channels.reduce((sum, { count }) => sum + count, 0);
  let counts = mutable(noCounts(channels.length));
  return {
    count(window, input, output) {
      counts.windows++;
      const samples = window.length / width;
      for (let channel = 0; channel < columns.length; channel++) {
        const bins = counts.bins[channel] as number[];
        const { first, count, edges } = columns[channel] as Columns;
        const values = samples * count;
        const step = Math.max(1, Math.floor(values / perChannel));
        for (let value = 0; value < values; value += step) {
          const at = Math.floor(value / count) * width + first + (value % count);
          bins[binOf(edges, window[at] as number)]!++;
        }
      }
      if (input) {
        counts.saturatedInputs += saturated(input.data, inputRange);
        counts.inputs += looked(input.data.length);
      }
      if (output && outputRange) {
        counts.saturatedOutputs += saturated(output.data, outputRange);
        counts.outputs += looked(output.data.length);
      }
    },
    take() {
      const taken = counts;
      counts = mutable(noCounts(channels.length));
      return taken;
    },
  };
}

/** Where a channel's values lie in a sample. */
type Columns = Pick<ChannelProfile, 'count' | 'edges'> & { readonly first: number };

function columnsOf(channels: readonly ChannelProfile[]): Columns[] {
  let end = 0;
  return channels.map(({ count, edges }) => {
    end += count;
    return { first: end - count, count, edges };
  });
}

type Mutable = { -readonly [K in keyof InputCounts]: K extends 'bins' ? number[][] : InputCounts[K] };

function mutable(counts: InputCounts): Mutable {
  return { ...counts, bins: counts.bins.map((bins) => [...bins]) };
}

function stepFor(length: number): number {
  return Math.max(1, Math.floor(length / perTensor));
}

function looked(length: number): number {
  return Math.ceil(length / stepFor(length));
}

function saturated(data: Tensor['data'], { min, max }: Range): number {
  const step = stepFor(data.length);
  let count = 0;
  for (let at = 0; at < data.length; at += step) {
    const value = data[at] as number;
    if (value <= min || value >= max) count++;
  }
  return count;
}
