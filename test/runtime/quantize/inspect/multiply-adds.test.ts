import assert from 'node:assert/strict';
import { test } from 'node:test';
import { int } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { multiplyAdds } from '../../../../runtime/quantize/inspect/multiply-adds.ts';

/** Operator, shapes of its inputs, shape of its output, multiply-adds counted by hand. */
const cases = [
  [
    'Conv',
    [
      [1, 3, 8, 8],
      [16, 3, 3, 3],
    ],
    [1, 16, 8, 8],
    16 * 8 * 8 * 27,
  ],
  [
    'Conv',
    [
      [1, 16, 8, 8],
      [16, 1, 3, 3],
    ],
    [1, 16, 8, 8],
    16 * 8 * 8 * 9,
  ],
  [
    'ConvTranspose',
    [
      [1, 4, 5, 5],
      [4, 8, 2, 2],
    ],
    [1, 8, 6, 6],
    4 * 25 * 8 * 4,
  ],
  [
    'MatMul',
    [
      [2, 7, 5],
      [5, 3],
    ],
    [2, 7, 3],
    2 * 7 * 5 * 3,
  ],
  ['Gemm', [[4, 6], [6, 9], [9]], [4, 9], 4 * 6 * 9],
  [
    'LSTM',
    [
      [10, 2, 3],
      [1, 16, 3],
      [1, 16, 4],
    ],
    [10, 1, 2, 4],
    20 * (48 + 64),
  ],
  ['QLinearConv', [[1, 3, 8, 8], [], [], [16, 3, 3, 3]], [1, 16, 8, 8], 16 * 8 * 8 * 27],
  ['Relu', [[1, 3]], [1, 3], 0],
] as const;

for (const [opType, inputs, output, expected] of cases)
  test(`${opType} of ${inputs.map((dims) => `[${dims}]`).join(' and ')} is ${expected} multiply-adds`, () => {
    const shapes = new Map<string, readonly number[]>([
      ...inputs.map((dims, i) => [`i${i}`, dims] as const),
      ['y', output],
    ]);
    const subject = node(
      opType,
      inputs.map((_, i) => `i${i}`),
      ['y'],
    );
    assert.equal(
      multiplyAdds(subject, (name) => shapes.get(name)),
      expected,
    );
  });

test('a transposed Gemm multiplies along its first axis', () => {
  const shapes = new Map([
    ['a', [6, 4]],
    ['b', [6, 9]],
    ['y', [4, 9]],
  ]);
  const gemm = node('Gemm', ['a', 'b'], ['y'], { transA: int(1) });
  assert.equal(
    multiplyAdds(gemm, (name) => shapes.get(name)),
    4 * 6 * 9,
  );
});

test('without a shape there is no figure', () => {
  assert.equal(
    multiplyAdds(node('Conv', ['x', 'w'], ['y']), () => undefined),
    undefined,
  );
});
