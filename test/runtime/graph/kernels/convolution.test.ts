/** Oracle: ONNX Runtime; every bit must be equal, full-range uint8·int8 included (see oracle.ts on processors without VNNI). */
import { test } from 'node:test';
import fc from 'fast-check';
import { int, ints, string } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import type { Attribute } from '../../../../runtime/graph/model.ts';
import type { Tensor } from '../../../../runtime/graph/tensor.ts';
import {
  assertSameBits,
  integers,
  needsExactProducts,
  random,
  scalar,
  scales,
  seeds,
  signs,
  vector,
  zeroPoints,
} from './oracle.ts';

const parameterOrder = ['x', 'sx', 'zx', 'w', 'sw', 'zw', 'sy', 'zy'];
const small = fc.integer({ min: 1, max: 3 });

/** Spatial settings of `rank` axes; the window fits into the padded input. */
function geometries(
  rank: number,
): fc.Arbitrary<{ plane: number[]; kernel: number[]; attributes: Record<string, Attribute> }> {
  const axis = fc.record({
    size: fc.integer({ min: 5, max: 9 }),
    kernel: small,
    stride: small,
    dilation: fc.integer({ min: 1, max: 2 }),
    begin: fc.nat(2),
    end: fc.nat(2),
  });
  return fc.array(axis, { minLength: rank, maxLength: rank }).map((axes) => ({
    plane: axes.map(({ size }) => size),
    kernel: axes.map(({ kernel }) => kernel),
    attributes: {
      strides: ints(axes.map(({ stride }) => stride)),
      dilations: ints(axes.map(({ dilation }) => dilation)),
      pads: ints([...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)]),
    },
  }));
}

/** Also depthwise (one channel for each group) and with several filters for each group. */
const channels = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  groups: fc.integer({ min: 1, max: 4 }),
  inGroup: small,
  outGroup: small,
});

const convolutions = fc
  .record({ rank: fc.constantFrom(1, 2), x: signs, w: signs, channels, seed: seeds })
  // ONNX Runtime has no kernel for int8 inputs with uint8 weights.
  .filter(({ x, w }) => x === 'uint8' || w === 'int8')
  .chain((chosen) =>
    fc
      .record({ geometry: geometries(chosen.rank), zeroX: zeroPoints(chosen.x), zeroY: zeroPoints(chosen.x) })
      .map((rest) => ({ ...chosen, ...rest })),
  );

type Convolution = typeof convolutions extends fc.Arbitrary<infer T> ? T : never;

function operands({
  x,
  w,
  channels: { batch, groups, inGroup, outGroup },
  geometry: { plane, kernel },
  seed,
}: Convolution): { x: Tensor; w: Tensor } {
  return {
    x: integers(x, [batch, groups * inGroup, ...plane], seed),
    w: integers(w, [groups * outGroup, inGroup, ...kernel], seed + 1),
  };
}

function attributesOf({
  channels: { groups },
  geometry: { kernel, attributes },
}: Convolution): Record<string, Attribute> {
  return { ...attributes, group: int(groups), kernel_shape: ints(kernel) };
}

test('ConvInteger: groups, strides, dilations and paddings in one and two dimensions', {
  skip: needsExactProducts,
}, async () => {
  await fc.assert(
    fc.asyncProperty(convolutions, async (each) => {
      const zeros = { zx: scalar(each.x, each.zeroX), zw: scalar(each.w, each.w === 'int8' ? 0 : 128) };
      const values = { ...operands(each), ...zeros };
      await assertSameBits({
        node: node('ConvInteger', ['x', 'w', 'zx', 'zw'], ['y'], attributesOf(each)),
        values,
        outputs: ['int32'],
      });
    }),
    { numRuns: 60 },
  );
});

test('QLinearConv: the same with a scale for each filter, a bias and saturation', {
  skip: needsExactProducts,
}, async () => {
  const parameters = fc.record({ scaleX: scales, scaleY: scales, perChannel: fc.boolean(), hasBias: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(convolutions, parameters, async (each, { scaleX, scaleY, perChannel, hasBias }) => {
      const filters = each.channels.groups * each.channels.outGroup;
      const next = random(each.seed + 2);
      const count = perChannel ? filters : 1;
      const values = {
        ...operands(each),
        sx: scalar('float32', scaleX),
        zx: scalar(each.x, each.zeroX),
        sw: vector(
          'float32',
          Array.from({ length: count }, () => 10 ** (-4 + 3 * next())),
        ),
        zw: vector(each.w, new Array<number>(count).fill(each.w === 'int8' ? 0 : 128)),
        sy: scalar('float32', scaleY),
        zy: scalar(each.x, each.zeroY),
        b: vector(
          'int32',
          Array.from({ length: filters }, () => Math.round((next() - 0.5) * 2 ** (31 * next()))),
        ),
      };
      const inputs = [...parameterOrder, ...(hasBias ? ['b'] : [])];
      await assertSameBits({
        node: node('QLinearConv', inputs, ['y'], attributesOf(each)),
        values: only(values, inputs),
        outputs: [each.x],
      });
    }),
    { numRuns: 120 },
  );
});

test('QLinearConv: the channel counts and the layout that ONNX Runtime has kernels of their own for', {
  skip: needsExactProducts,
}, async () => {
  const shapes = fc.constantFrom(
    { what: 'dense', groups: 1, inGroup: 16, outGroup: 24 },
    { what: 'depthwise', groups: 24, inGroup: 1, outGroup: 1 },
    { what: 'depthwise, two filters each', groups: 17, inGroup: 1, outGroup: 2 },
    { what: 'pointwise', groups: 1, inGroup: 33, outGroup: 32 },
  );
  await fc.assert(
    fc.asyncProperty(shapes, signs, fc.nat(1), seeds, async ({ what, groups, inGroup, outGroup }, type, last, seed) => {
      const kernel = what === 'pointwise' ? 1 : 3;
      const size = what === 'pointwise' ? 4 : 6;
      const values = {
        x: integers(type, last ? [1, size, size, groups * inGroup] : [1, groups * inGroup, size, size], seed),
        w: integers('int8', [groups * outGroup, inGroup, kernel, kernel], seed + 1),
        ...{ sx: scalar('float32', 0.02), zx: scalar(type, 100), sw: scalar('float32', 0.01), zw: scalar('int8', 0) },
        ...{ sy: scalar('float32', 0.3), zy: scalar(type, 7) },
      };
      const attributes = { group: int(groups), ...(last ? { channels_last: int(1) } : {}) };
      const conv = node(`${last ? 'com.microsoft:' : ''}QLinearConv`, parameterOrder, ['y'], attributes);
      await assertSameBits({ node: conv, values, outputs: [type] });
    }),
    { numRuns: 40 },
  );
});

test('QLinearConv: automatic padding puts the odd element where the mode says', {
  skip: needsExactProducts,
}, async () => {
  const modes = fc.constantFrom('SAME_UPPER', 'SAME_LOWER', 'VALID');
  await fc.assert(
    fc.asyncProperty(
      modes,
      fc.integer({ min: 4, max: 8 }),
      fc.integer({ min: 1, max: 4 }),
      small,
      seeds,
      async (mode, size, kernel, stride, seed) => {
        const values = {
          x: integers('uint8', [1, 2, size, size], seed),
          w: integers('int8', [3, 2, kernel, kernel], seed + 1),
          ...{
            sx: scalar('float32', 0.02),
            zx: scalar('uint8', 100),
            sw: scalar('float32', 0.01),
            zw: scalar('int8', 0),
          },
          ...{ sy: scalar('float32', 0.1), zy: scalar('uint8', 128) },
        };
        const attributes = { auto_pad: string(mode), strides: ints([stride, stride]) };
        await assertSameBits({
          node: node('QLinearConv', parameterOrder, ['y'], attributes),
          values,
          outputs: ['uint8'],
        });
      },
    ),
    { numRuns: 40 },
  );
});

function only(values: Readonly<Record<string, Tensor>>, names: readonly string[]): Record<string, Tensor> {
  return Object.fromEntries(names.map((name) => [name, values[name]!]));
}
