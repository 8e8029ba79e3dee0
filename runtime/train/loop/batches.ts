/**
 * Batches of samples as a function of the step alone: the order of an epoch follows from the seed and the epoch's number, so
 * that a training that is resumed sees what it would have seen.
 */
import { OctetError } from '../../base/errors.ts';
import type { Samples } from '../../data/samples.ts';
import { type ElementType, elementCount, elementTypes, type Feeds, type Tensor } from '../../graph/tensor.ts';

export type Batches = {
  readonly size: number;
  readonly stepsPerEpoch: number;
  /** Indices of the samples of a step, counted from 0. */
  indices(step: number): readonly number[];
  feeds(step: number): Promise<Feeds>;
};

/** Every sample once an epoch but for what is left over by whole batches; samples fewer than a batch are one batch. */
export function batchesOf(samples: Samples, wanted: number, seed: number): Batches {
  const size = Math.min(wanted, samples.count);
  if (size === 0)
    throw new OctetError('DATA_INVALID', 'training: expected at least one sample, got none', {
      hint: 'Name a file with samples: --data train.npz',
    });
  const stepsPerEpoch = Math.floor(samples.count / size);
  let order: { readonly epoch: number; readonly indices: Uint32Array } | undefined;
  const indices = (step: number) => {
    const epoch = Math.floor(step / stepsPerEpoch);
    if (order?.epoch !== epoch) order = { epoch, indices: shuffled(samples.count, seed + epoch) };
    const start = (step % stepsPerEpoch) * size;
    return Array.from(order.indices.subarray(start, start + size));
  };
  return { size, stepsPerEpoch, indices, feeds: (step) => gatherFeeds(samples, indices(step)) };
}

/** These samples as one batch, along the first axis of each input. @throws DATA_MISMATCH when their shapes differ. */
export async function gatherFeeds(samples: Samples, indices: readonly number[]): Promise<Feeds> {
  const rows = await Promise.all(indices.map((index) => samples.feeds(index)));
  const names = Object.keys(rows[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [
      name,
      stack(
        name,
        rows.map((row) => row[name]!),
      ),
    ]),
  );
}

/** All samples in their order, a hundred at a time. */
export function batchIndices(count: number): readonly (readonly number[])[] {
  const size = 100;
  const starts = Array.from({ length: Math.ceil(count / size) }, (_, i) => i * size);
  return starts.map((start) => Array.from({ length: Math.min(size, count - start) }, (_, i) => start + i));
}

function stack(name: string, rows: readonly Tensor[]): Tensor {
  const [first] = rows as [Tensor];
  const dims = [first.dims.slice(0, 1).reduce((a, b) => a * b, 1) * rows.length, ...first.dims.slice(1)];
  const data = new elementTypes[first.type as ElementType].array(elementCount(dims));
  for (const [i, row] of rows.entries()) {
    if (row.data.length !== first.data.length)
      throw new OctetError(
        'DATA_MISMATCH',
        `${name}: expected samples of one shape, got [${first.dims}] and [${row.dims}]`,
        {
          hint: 'Training needs samples of one size; cut or pad them first.',
        },
      );
    data.set(row.data as never, i * first.data.length);
  }
  return { type: first.type, dims, data } as Tensor;
}

/** Fisher–Yates over xorshift32. */
function shuffled(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  let state = (Math.imul(seed + 1, 2654435761) ^ 0x9e3779b9) >>> 0 || 1;
  for (let last = count - 1; last > 0; last--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
