import assert from 'node:assert/strict';
import { test } from 'node:test';
import { int } from '../../../runtime/graph/attributes.ts';
import { node } from '../../../runtime/graph/build.ts';
import { multiplyAdds } from '../../../runtime/quantize/multiply-adds.ts';

/** Operator, shapes of its inputs, shape of its output, multiply-adds counted by hand. */
const cases: readonly [string, inputs: string, output: string, expected: number][] = [
  ['Conv', '1,3,8,8 16,3,3,3', '1,16,8,8', 16 * 8 * 8 * 27],
  ['Conv', '1,16,8,8 16,1,3,3', '1,16,8,8', 16 * 8 * 8 * 9],
  ['ConvTranspose', '1,4,5,5 4,8,2,2', '1,8,6,6', 4 * 25 * 8 * 4],
  ['MatMul', '2,7,5 5,3', '2,7,3', 2 * 7 * 5 * 3],
  ['Gemm', '4,6 6,9 9', '4,9', 4 * 6 * 9],
  ['LSTM', '10,2,3 1,16,3 1,16,4', '10,1,2,4', 20 * (48 + 64)],
  ['QLinearConv', '1,3,8,8 1 1 16,3,3,3', '1,16,8,8', 16 * 8 * 8 * 27],
  // 5 values of 12 are projected three times; each meets 5 others twice, once as a key and once as a value.
  ['com.microsoft:Attention', '2,5,12 12,36 36', '2,5,12', 2 * 5 * (12 * 36 + 2 * 5 * 12)],
  ['com.microsoft:QAttention', '2,5,12 12,36 36', '2,5,12', 2 * 5 * (12 * 36 + 2 * 5 * 12)],
  ['Attention', '2,3,7,4 2,3,5,4 2,3,5,6', '2,3,7,6', 2 * 3 * 7 * 5 * (4 + 6)],
  ['Relu', '1,3', '1,3', 0],
];

for (const [opType, inputs, output, expected] of cases)
  test(`${opType} of ${inputs} is ${expected} multiply-adds`, () => {
    const names = inputs.split(' ').map((_, index) => `i${index}`);
    const shapes = new Map(
      [...names, 'y'].map((name, index) => [name, dimsOf([...inputs.split(' '), output][index]!)]),
    );
    assert.equal(
      multiplyAdds(node(opType, names, ['y']), (name) => shapes.get(name)),
      expected,
    );
  });

function dimsOf(text: string): number[] {
  return text.split(',').map(Number);
}

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
