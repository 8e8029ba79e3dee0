/** A model with every weight of some channels at zero: as large as before, and the oracle for what removing them gives. */
import { coordinatesOf } from '../../../../runtime/graph/broadcast.ts';
import { readTensor, storeTensor } from '../../../../runtime/graph/initializer.ts';
import type { Model, StoredTensor } from '../../../../runtime/graph/model.ts';
import type { Coupling } from '../../../../runtime/train/prune/coupling/couple-channels.ts';

export function zeroChannels(model: Model, coupling: Coupling, channels: ReadonlySet<number>): Model {
  const initializers = [...model.graph.initializers].map(
    ([name, stored]) => [name, zeroIn(name, stored, coupling, channels)] as const,
  );
  return { ...model, graph: { ...model.graph, initializers: new Map(initializers) } };
}

function zeroIn(name: string, stored: StoredTensor, { labels }: Coupling, channels: ReadonlySet<number>): StoredTensor {
  const axes = labels.get(name) ?? [];
  if (stored.type !== 'float32' || !axes.some((axis) => axis.some((channel) => channels.has(channel)))) return stored;
  const { dims, data } = readTensor(stored);
  const zeroed = (data as Float32Array).map((value, index) => {
    const isGone = coordinatesOf(index, dims).some((position, axis) => channels.has(axes[axis]![position]!));
    return isGone ? 0 : value;
  });
  return storeTensor(name, { type: 'float32', dims, data: zeroed });
}
