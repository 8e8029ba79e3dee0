/** Oracle: counts worked out by hand from the definitions of the operators. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { int, ints } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { int8ShareOf } from '../../../../runtime/quantize/auto/int8-share.ts';
import { shapesOn } from '../../../../runtime/quantize/prepare/run-shapes.ts';
import { modelFrom, noise } from '../small-models.ts';

/** [1, 4, 8, 8] → 6 × 8 × 8 by 3 × 3, → 6 × 4 × 4 by a stride of 2 in groups, → 5 values by a matrix. */
const model = modelFrom(
  [
    node('Conv', ['x', 'w1'], ['a'], { pads: ints([1, 1, 1, 1]) }, 'full'),
    node('Relu', ['a'], ['r'], {}, 'relu'),
    node('Conv', ['r', 'w2'], ['b'], { group: int(6), strides: ints([2, 2]) }, 'grouped'),
    node('Flatten', ['b'], ['f'], {}, 'flat'),
    node('Gemm', ['f', 'w3'], ['y'], {}, 'matrix'),
  ],
  ['n', 4, 8, 8],
  { w1: noise([6, 4, 3, 3]), w2: noise([6, 1, 2, 2]), w3: noise([96, 5]) },
);

const full = 6 * 64 * 4 * 9;
const grouped = 6 * 16 * 4;
const matrix = 96 * 5;

test('multiply-adds are counted from shapes that running gave, and what stays float is listed with its share and reason, the largest first', async () => {
  const shapes = await shapesOn(model, { x: noise([1, 4, 8, 8]) });
  const share = int8ShareOf(model, shapes, [
    { node: 'full', opType: 'Conv', kernel: 'QLinearConv' },
    { node: 'grouped', opType: 'Conv', reason: 'the recipe excludes it' },
  ]);
  const total = full + grouped + matrix;
  assert.equal(share.total, total);
  assert.equal(share.inInt8, full);
  assert.deepEqual(
    share.float.map(({ node: name, reason }) => [name, reason]),
    [
      ['matrix', 'the whole model is faster in float'],
      ['grouped', 'the recipe excludes it'],
    ],
  );
  assert.ok(Math.abs(share.float[0]!.share - matrix / total) < 1e-12);
});

test('an LSTM multiplies its input and its state at each step', async () => {
  const lstm = modelFrom([node('LSTM', ['x', 'w', 'r'], ['y'], { hidden_size: int(4) }, 'lstm')], [7, 'n', 5], {
    w: noise([1, 16, 5]),
    r: noise([1, 16, 4]),
  });
  const { total } = int8ShareOf(lstm, await shapesOn(lstm, { x: noise([7, 2, 5]) }), []);
  assert.equal(total, 7 * 2 * (16 * 5 + 16 * 4));
});

test('a model without multiply-adds has a share of 0', () => {
  const relu = modelFrom([node('Relu', ['x'], ['y'])], ['n', 4], {});
  assert.deepEqual(int8ShareOf(relu, new Map(), []), { total: 0, inInt8: 0, share: 0, float: [] });
});
