import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Session } from '../../../runtime/engine/session.ts';
import type { Feeds } from '../../../runtime/graph/tensor.ts';
import { createQuery } from '../../../runtime/measure/query.ts';

/** A session that only remembers what it was fed. */
function listener(firstAxis: number | string | null) {
  const fed: Feeds[] = [];
  const session: Session = {
    inputs: [{ name: 'x', type: 'float32', dims: [firstAxis, 2] }],
    outputs: [],
    run: async (feeds) => {
      fed.push(feeds);
      return {};
    },
    endProfiling: () => {},
    close: async () => {},
  };
  return { session, fed };
}

const feeds: Feeds[] = [1, 2, 3].map((value) => ({
  x: { type: 'float32', dims: [1, 2], data: Float32Array.of(value, -value) },
}));

describe('a query', () => {
  it('of several samples is one tensor of them all where the first axis is free', async () => {
    const { session, fed } = listener('N');
    const { call, isBatched } = createQuery(session, feeds, 'offline', 4);
    await call();
    assert.equal(isBatched, true);
    assert.deepEqual(fed[0]!.x, { type: 'float32', dims: [4, 2], data: Float32Array.of(1, -1, 2, -2, 3, -3, 1, -1) });
  });

  it('takes every sample in turn, over as many tensors as it needs', async () => {
    const { session, fed } = listener(null);
    const { call } = createQuery(session, feeds, 'multi-stream', 2);
    for (let query = 0; query < 3; query++) await call();
    assert.deepEqual(
      fed.map(({ x }) => [...(x!.data as Float32Array)].filter((value) => value > 0)),
      [
        [1, 2],
        [3, 1],
        [1, 2],
      ],
    );
  });

  it('is so many calls in turn where the batch size is fixed', async () => {
    const { session, fed } = listener(1);
    const { call, isBatched } = createQuery(session, feeds, 'multi-stream', 8);
    await call();
    assert.deepEqual([isBatched, fed.length], [false, 8]);
  });

  it('cannot be a batch in a single stream of a model whose batch size is fixed', () => {
    assert.throws(() => createQuery(listener(1).session, feeds, 'single-stream', 4), /free first axis, got x \[1, 2\]/);
  });
});
