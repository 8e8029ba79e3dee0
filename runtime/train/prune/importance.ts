/** How much a channel matters, told from its weights alone: all weights that would go with it, those that read it included. */
import { stridesOf } from '../../graph/broadcast.ts';
import { readTensor } from '../../graph/initializer.ts';
import type { Graph } from '../../graph/model.ts';
import type { Coupling } from './coupling/couple-channels.ts';
import { randomFrom } from './random.ts';

/** The sum of magnitudes (order 1) or the root of the sum of squares (order 2). Source: Li et al. 2017; Fang et al. 2023 for the sum over a group. */
export function weightNorms(graph: Graph, coupling: Coupling, order: 1 | 2): Float64Array {
  const sums = sumByChannel(graph, coupling, (_, data) => (at) => Math.abs(data[at]!) ** order);
  return order === 1 ? sums : sums.map(Math.sqrt);
}

/** Seeded, in 0…1: what any other criterion has to beat. */
export function randomImportance(coupling: Coupling, seed: number): Float64Array {
  const random = randomFrom(seed);
  return new Float64Array(channelCount(coupling)).map(random);
}

/** Each group's mean becomes 1, so that layers of different scale can be compared. */
export function comparable(importance: Float64Array, { groups }: Coupling): Float64Array {
  const scaled = importance.slice();
  for (const { channels } of groups) {
    const mean = channels.reduce((sum, channel) => sum + importance[channel]!, 0) / channels.length;
    for (const channel of channels) scaled[channel] = mean > 0 ? importance[channel]! / mean : 1;
  }
  return scaled;
}

/** Adds a term for each value of each weight (float32, two axes or more) to all channels that the value lies in. */
function sumByChannel(
  graph: Graph,
  coupling: Coupling,
  termsOf: (name: string, data: Float32Array) => (at: number) => number,
): Float64Array {
  const sums = new Float64Array(channelCount(coupling));
  for (const [name, stored] of graph.initializers) {
    const labels = coupling.labels.get(name) ?? [];
    if (stored.type !== 'float32' || labels.length < 2) continue;
    const { dims, data } = readTensor(stored);
    const term = termsOf(name, data as Float32Array);
    const strides = stridesOf(dims);
    labels.forEach((axis, at) => {
      if (axis.every((channel) => channel < 0)) return;
      for (let index = 0; index < data.length; index++) {
        const channel = axis[Math.floor(index / strides[at]!) % dims[at]!]!;
        if (channel >= 0) sums[channel]! += term(index);
      }
    });
  }
  return sums;
}

/** Channels are numbered from 0 to one less. */
export function channelCount({ groups }: Coupling): number {
  return groups.reduce((count, { channels }) => Math.max(count, ...channels.map((channel) => channel + 1)), 0);
}
