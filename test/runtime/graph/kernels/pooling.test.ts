/** Oracle: ONNX Runtime; every bit must be equal. */
import { test } from 'node:test';
import fc from 'fast-check';
import { int, ints } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import type { Attribute } from '../../../../runtime/graph/model.ts';
import { assertSameBits, integers, scalar, scales, seeds, signs, zeroPoints } from './oracle.ts';

const axis = fc
  .record({
    size: fc.integer({ min: 4, max: 9 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    begin: fc.nat(2),
    end: fc.nat(2),
  })
  // ONNX Runtime refuses windows that may lie in the padding alone.
  .filter(({ kernel, begin, end }) => begin < kernel && end < kernel);

const pools = fc.record({
  axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
  batch: fc.integer({ min: 1, max: 2 }),
  channels: fc.integer({ min: 1, max: 3 }),
  ceil: fc.nat(1),
  seed: seeds,
});

type Pool = typeof pools extends fc.Arbitrary<infer T> ? T : never;

function dimsOf({ batch, channels, axes }: Pool): number[] {
  return [batch, channels, ...axes.map(({ size }) => size)];
}

function attributesOf({ axes, ceil }: Pool): Record<string, Attribute> {
  return {
    kernel_shape: ints(axes.map(({ kernel }) => kernel)),
    strides: ints(axes.map(({ stride }) => stride)),
    pads: ints([...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)]),
    ceil_mode: int(ceil),
  };
}

const parameters = signs.chain((type) =>
  fc.record({
    type: fc.constant(type),
    scaleX: scales,
    scaleY: scales,
    zeroX: zeroPoints(type),
    zeroY: zeroPoints(type),
  }),
);

type Parameters = typeof parameters extends fc.Arbitrary<infer T> ? T : never;

function parameterValues({ type, scaleX, scaleY, zeroX, zeroY }: Parameters) {
  return {
    sx: scalar('float32', scaleX),
    zx: scalar(type, zeroX),
    sy: scalar('float32', scaleY),
    zy: scalar(type, zeroY),
  };
}

const inputs = ['x', 'sx', 'zx', 'sy', 'zy'];

test('MaxPool leaves the padding out and keeps a partial last window with ceil_mode', async () => {
  await fc.assert(
    fc.asyncProperty(pools, signs, fc.integer({ min: 1, max: 2 }), async (pool, type, dilation) => {
      fc.pre(pool.axes.every(({ size, kernel, begin, end }) => size + begin + end >= (kernel - 1) * dilation + 1));
      const attributes = { ...attributesOf(pool), dilations: ints(pool.axes.map(() => dilation)) };
      const values = { x: integers(type, dimsOf(pool), pool.seed) };
      await assertSameBits({ node: node('MaxPool', ['x'], ['y'], attributes), values, outputs: [type] });
    }),
    { numRuns: 80 },
  );
});

test('QLinearAveragePool counts the padding only where asked', async () => {
  await fc.assert(
    fc.asyncProperty(pools, parameters, fc.nat(1), async (pool, each, countsPadding) => {
      // The whole plane is for the next test: ONNX Runtime hands it to another kernel.
      fc.pre(pool.axes.some(({ size, kernel, begin, end }) => size !== kernel || begin + end > 0));
      const attributes = { ...attributesOf(pool), count_include_pad: int(countsPadding) };
      const values = { x: integers(each.type, dimsOf(pool), pool.seed), ...parameterValues(each) };
      await assertSameBits({
        node: node('com.microsoft:QLinearAveragePool', inputs, ['y'], attributes),
        values,
        outputs: [each.type],
      });
    }),
    { numRuns: 100 },
  );
});

test('QLinearAveragePool over the whole plane rounds like the global pool, in either layout', async () => {
  const planes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 2 });
  await fc.assert(
    fc.asyncProperty(planes, parameters, seeds, fc.nat(1), async (plane, each, seed, last) => {
      fc.pre(each.scaleX / each.scaleY < 200);
      const dims = last ? [2, ...plane, 3] : [2, 3, ...plane];
      const values = { x: integers(each.type, dims, seed), ...parameterValues(each) };
      const attributes = { kernel_shape: ints(plane), channels_last: int(last) };
      const pooling = node('com.microsoft:QLinearAveragePool', inputs, ['y'], attributes);
      await assertSameBits({ node: pooling, values, outputs: [each.type] });
    }),
    { numRuns: 60 },
  );
});

test('QLinearGlobalAveragePool of one, two and three spatial axes', async () => {
  const planes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(planes, parameters, seeds, async (plane, each, seed) => {
      // ONNX Runtime refuses a ratio of scales beyond 256.
      fc.pre(each.scaleX / each.scaleY < 200);
      const values = { x: integers(each.type, [2, 3, ...plane], seed), ...parameterValues(each) };
      await assertSameBits({
        node: node('com.microsoft:QLinearGlobalAveragePool', inputs, ['y']),
        values,
        outputs: [each.type],
      });
    }),
    { numRuns: 80 },
  );
});
