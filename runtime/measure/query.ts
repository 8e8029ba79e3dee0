/**
 * One query of a mode as a call. Several samples go as one tensor where the model's first axis is free, which is what a
 * program would do that has them all at hand; otherwise one after the other, and the report says so.
 */
import { OctetError } from '../base/errors.ts';
import type { Session, SessionValue } from '../engine/session.ts';
import { elementTypes, type Feeds, type Tensor } from '../graph/tensor.ts';
import type { Mode } from './bench-messages.ts';
import type { Call } from './timing.ts';
import { rotatingCall } from './trial-feeds.ts';

/** MLPerf's multi-stream query has eight samples; for offline, what keeps small processors busy without filling their memory. */
export const defaultBatch = { 'single-stream': 1, 'multi-stream': 8, offline: 32 } as const satisfies Record<
  Mode,
  number
>;

export type Query = { readonly call: Call; readonly isBatched: boolean };

/**
 * @throws MODEL_UNSUPPORTED when a single stream of batches is asked of a model whose batch size is fixed.
 */
export function createQuery(session: Session, feeds: readonly Feeds[], mode: Mode, batch: number): Query {
  if (batch === 1) return { call: rotatingCall(session, feeds), isBatched: false };
  if (canBatch(session.inputs, feeds))
    return { call: rotatingCall(session, stackedFeeds(feeds, batch)), isBatched: true };
  if (mode === 'single-stream')
    throw new OctetError(
      'MODEL_UNSUPPORTED',
      `--batch: expected inputs with a free first axis, got ${shapesOf(session)}`,
      {
        hint: 'Leave --batch out; or --mode multi-stream, where a query is so many calls in turn.',
      },
    );
  const call = rotatingCall(session, feeds);
  return {
    isBatched: false,
    call: async () => {
      for (let sample = 0; sample < batch; sample++) await call();
    },
  };
}

/** Whether the first axis of every input is free, so that several samples fit into one call. */
export function canBatch(inputs: readonly SessionValue[], feeds: readonly Feeds[]): boolean {
  const hasFreeAxis = inputs.every(({ dims }) => dims !== undefined && dims.length > 0 && typeof dims[0] !== 'number');
  return hasFreeAxis && feeds.every((feed) => Object.values(feed).every(({ dims }) => dims[0] === 1));
}

/** Every feed is in one of the stacks, the last filled up from the front. */
function stackedFeeds(feeds: readonly Feeds[], batch: number): Feeds[] {
  return Array.from({ length: Math.ceil(feeds.length / batch) }, (_, stack) => {
    const chosen = Array.from({ length: batch }, (_, at) => feeds[(stack * batch + at) % feeds.length]!);
    return Object.fromEntries(
      Object.keys(chosen[0]!).map((name) => [name, stackTensors(chosen.map((feed) => feed[name]!))]),
    );
  });
}

function stackTensors(tensors: readonly Tensor[]): Tensor {
  const { type, dims, data } = tensors[0]!;
  const stacked = new elementTypes[type].array(data.length * tensors.length);
  for (const [at, tensor] of tensors.entries())
    (stacked as Float32Array).set(tensor.data as Float32Array, at * data.length);
  return { type, dims: [tensors.length, ...dims.slice(1)], data: stacked } as Tensor;
}

function shapesOf({ inputs }: Session): string {
  return inputs.map(({ name, dims = [] }) => `${name} [${dims.map((size) => size ?? '?').join(', ')}]`).join(', ');
}
