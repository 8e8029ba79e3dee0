/**
 * Oracle: ONNX Runtime. Products: every bit. Sums: one step apart where the exact sum lies so close to a tie that the float32 roundings
 * on the way decide.
 */
import { test } from 'node:test';
import fc from 'fast-check';
import { broadcastIndex } from '../../../../runtime/graph/broadcast.ts';
import { node } from '../../../../runtime/graph/build.ts';
import type { Feeds } from '../../../../runtime/graph/tensor.ts';
import { assertSameBits, assertSameButForTies, integers, scalar, scales, seeds, signs, zeroPoints } from './oracle.ts';

const shapes = fc.constantFrom<readonly (readonly number[])[]>(
  [[7], [7]],
  [
    [2, 3, 5],
    [2, 3, 5],
  ],
  [
    [2, 3, 5],
    [3, 1],
  ],
  [
    [1, 4],
    [3, 1],
  ],
  [[6], []],
  [[], [6]],
  [[40], [40]],
);

const pairs = signs.chain((type) =>
  fc.record({
    ...{ type: fc.constant(type), shapes, seed: seeds, scaleA: scales, scaleB: scales, scaleY: scales },
    ...{ zeroA: zeroPoints(type), zeroB: zeroPoints(type), zeroY: zeroPoints(type) },
  }),
);

type Pair = typeof pairs extends fc.Arbitrary<infer T> ? T : never;

const inputs = ['a', 'sa', 'za', 'b', 'sb', 'zb', 'sy', 'zy'];

function valuesOf({ type, shapes: [dimsA, dimsB], seed, scaleA, scaleB, scaleY, zeroA, zeroB, zeroY }: Pair): Feeds {
  return {
    ...{ a: integers(type, dimsA!, seed), sa: scalar('float32', scaleA), za: scalar(type, zeroA) },
    ...{ b: integers(type, dimsB!, seed + 1), sb: scalar('float32', scaleB), zb: scalar(type, zeroB) },
    ...{ sy: scalar('float32', scaleY), zy: scalar(type, zeroY) },
  };
}

test('QLinearMul: shapes that stretch to each other, a tie goes to the even stored value', async () => {
  await fc.assert(
    fc.asyncProperty(pairs, async (pair) => {
      await assertSameBits({
        node: node('com.microsoft:QLinearMul', inputs, ['y']),
        values: valuesOf(pair),
        outputs: [pair.type],
      });
    }),
    { numRuns: 100 },
  );
});

test('QLinearAdd: the same; x86 fuses the additions, so that float32 rounding decides near a tie', async () => {
  await fc.assert(
    fc.asyncProperty(pairs, async (pair) => {
      const values = valuesOf(pair);
      const [a, b] = [values.a!, values.b!];
      const dims = a.data.length >= b.data.length ? a.dims : b.dims;
      const whole = a.dims.length === 2 ? [3, 4] : dims;
      const [indexA, indexB] = [broadcastIndex(a.dims, whole), broadcastIndex(b.dims, whole)];
      const exact = (i: number) => {
        const sum =
          pair.scaleA * (Number(a.data[indexA(i)]) - pair.zeroA) +
          pair.scaleB * (Number(b.data[indexB(i)]) - pair.zeroB);
        return sum / pair.scaleY + pair.zeroY;
      };
      const each = { node: node('com.microsoft:QLinearAdd', inputs, ['y']), values, outputs: [pair.type] };
      // Eight roundings, each of at most half a float32 step of the largest intermediate.
      const largest = (255 * (pair.scaleA + pair.scaleB)) / pair.scaleY + 255;
      await assertSameButForTies(each, exact, 8 * 2 ** -24 * largest);
    }),
    { numRuns: 150 },
  );
});
