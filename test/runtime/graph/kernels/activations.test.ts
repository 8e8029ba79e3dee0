/**
 * Oracle: ONNX Runtime. LeakyRelu: every bit. Sigmoid and Softmax: one step apart where the exact value lies within 1e-3 steps
 * of a tie, because ONNX Runtime approximates the sigmoid by a rational function and tabulates the exponential.
 */
import { test } from 'node:test';
import fc from 'fast-check';
import { float, int } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import type { Feeds, Tensor } from '../../../../runtime/graph/tensor.ts';
import { assertSameBits, assertSameButForTies, integers, scalar, scales, seeds, signs, zeroPoints } from './oracle.ts';

const unary = signs.chain((type) =>
  fc.record({
    ...{ type: fc.constant(type), dims: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 4 }) },
    ...{ scaleX: scales, scaleY: scales, zeroX: zeroPoints(type), zeroY: zeroPoints(type), seed: seeds },
  }),
);

type Unary = typeof unary extends fc.Arbitrary<infer T> ? T : never;

const inputs = ['x', 'sx', 'zx', 'sy', 'zy'];

function valuesOf({ type, dims, scaleX, scaleY, zeroX, zeroY, seed }: Unary): Feeds {
  return {
    ...{ x: integers(type, dims, seed), sx: scalar('float32', scaleX), zx: scalar(type, zeroX) },
    ...{ sy: scalar('float32', scaleY), zy: scalar(type, zeroY) },
  };
}

test('QLinearLeakyRelu', async () => {
  await fc.assert(
    fc.asyncProperty(unary, fc.constantFrom(undefined, 0.01, 0.2, -0.5), async (each, alpha) => {
      const attributes = alpha === undefined ? {} : { alpha: float(alpha) };
      await assertSameBits({
        node: node('com.microsoft:QLinearLeakyRelu', inputs, ['y'], attributes),
        values: valuesOf(each),
        outputs: [each.type],
      });
    }),
    { numRuns: 60 },
  );
});

test('QLinearSigmoid', async () => {
  await fc.assert(
    fc.asyncProperty(unary, fc.constantFrom(1 / 256, 0.01, 0.001), async (drawn, scaleY) => {
      const each = { ...drawn, scaleY };
      const values = valuesOf(each);
      const exact = (i: number) => 1 / (1 + Math.exp(-each.scaleX * (Number(values.x!.data[i]) - each.zeroX))) / scaleY;
      await assertSameButForTies(
        { node: node('com.microsoft:QLinearSigmoid', inputs, ['y']), values, outputs: [each.type] },
        exact,
        1e-3,
      );
    }),
    { numRuns: 60 },
  );
});

test('QLinearSoftmax along any axis, and over all axes from one on before opset 13', async () => {
  const settings = fc.record({
    opset: fc.constantFrom(11, 13),
    axis: fc.nat(),
    scaleX: fc.constantFrom(0.01, 0.05, 0.25),
  });
  await fc.assert(
    fc.asyncProperty(unary, settings, async (drawn, { opset, axis: draw, scaleX }) => {
      const each = { ...drawn, scaleX, scaleY: 1 / 256, zeroY: drawn.type === 'uint8' ? 0 : -128 };
      const values = valuesOf(each);
      const axis = draw % each.dims.length;
      // ONNX Runtime's table overflows float32 when there is one element to sum, and answers 0 for the certain event.
      fc.pre((opset < 13 ? each.dims.slice(axis).reduce((product, size) => product * size, 1) : each.dims[axis]!) > 1);
      const attributes = { opset: int(opset), axis: int(axis) };
      const exact = softmax(values.x!, scaleX, axis, opset);
      const softmaxNode = node('com.microsoft:QLinearSoftmax', inputs, ['y'], attributes);
      await assertSameButForTies({ node: softmaxNode, values, outputs: [each.type] }, (i) => exact[i]! * 256, 1e-3);
    }),
    { numRuns: 100 },
  );
});

/** In float64, for every element: e^(s·x) divided by the sum over those it shares a group with. */
function softmax({ dims, data }: Tensor, scale: number, axis: number, opset: number): number[] {
  const inner = opset < 13 ? 1 : dims.slice(axis + 1).reduce((product, size) => product * size, 1);
  const length = opset < 13 ? dims.slice(axis).reduce((product, size) => product * size, 1) : dims[axis]!;
  const groupOf = (i: number) => Math.floor(i / (inner * length)) * inner + (i % inner);
  const powers = Array.from(data as Iterable<number>, (x) => Math.exp(scale * x));
  const sums = new Map<number, number>();
  for (const [i, power] of powers.entries()) sums.set(groupOf(i), (sums.get(groupOf(i)) ?? 0) + power);
  return powers.map((power, i) => power / sums.get(groupOf(i))!);
}
