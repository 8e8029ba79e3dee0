import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkFeeds } from '../../../runtime/engine/check-feeds.ts';
import type { SessionValue } from '../../../runtime/engine/session.ts';
import { float32, int64 } from '../../../runtime/graph/build.ts';
import type { Feeds } from '../../../runtime/graph/tensor.ts';

const inputs: readonly SessionValue[] = [
  { name: 'x', type: 'float32', dims: ['batch', 3, null] },
  { name: 'n', type: 'int64', dims: [] },
];
const x = float32([2, 3, 1], [1, 2, 3, 4, 5, 6]);
const n = int64([], [1]);

describe('checking feeds', () => {
  it('accepts what fits, open sizes of any size', () => {
    assert.doesNotThrow(() => checkFeeds(inputs, { x, n }));
  });

  const refused: readonly (readonly [what: string, feeds: Feeds, says: RegExp])[] = [
    ['a missing input', { x }, /^n: expected int64 \[\], got nothing$/],
    ['an unknown name', { x, n, z: n }, /^z: expected no such input$/],
    [
      'another type',
      { x: int64([1, 3, 1], [1, 2, 3]), n },
      /^x: expected float32 \[batch, 3, \?\], got int64 \[1, 3, 1\]$/,
    ],
    ['another fixed size', { x: float32([1, 2, 1], [1, 2]), n }, /^x: expected .*, got float32 \[1, 2, 1\]$/],
    ['another rank', { x: float32([3], [1, 2, 3]), n }, /got float32 \[3\]/],
    ['too few elements', { x: float32([2, 3, 1], [1]), n }, /with 1 elements/],
    ['the wrong kind of array', { x: { ...x, data: new Float64Array(6) } as never, n }, /held in Float64Array/],
  ];
  for (const [what, feeds, says] of refused) {
    it(`refuses ${what}, saying what the model takes`, () => {
      assert.throws(() => checkFeeds(inputs, feeds), {
        code: 'DATA_MISMATCH',
        message: says,
        hint: /x float32 \[batch, 3, \?\]/,
      });
    });
  }

  it('reports all problems at once', () => {
    assert.throws(() => checkFeeds(inputs, { q: n }), { message: /x: .*; n: .*; q: / });
  });

  it('refuses an input that cannot be fed at all', () => {
    const texts = [{ name: 'text', type: undefined, dims: undefined }];
    assert.throws(() => checkFeeds(texts, { text: n }), { message: /a type that cannot be fed/ });
  });
});
