/** Oracle: ONNX Runtime; every bit must be equal, full-range uint8·int8 included (see oracle.ts on processors without VNNI). */
import { test } from 'node:test';
import fc from 'fast-check';
import { float, int } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import type { Tensor } from '../../../../runtime/graph/tensor.ts';
import {
  assertSameBits,
  floats,
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

const size = fc.integer({ min: 1, max: 9 });

/** int8 a with uint8 b: not among the types that ONNX Runtime registers everywhere. */
const products = fc
  .record({
    typeA: signs,
    typeB: signs,
    rows: size,
    depth: fc.integer({ min: 1, max: 40 }),
    columns: size,
    perColumn: fc.boolean(),
    seed: seeds,
  })
  .filter(({ typeA, typeB }) => typeA === 'uint8' || typeB === 'int8')
  .chain((chosen) =>
    fc
      .record({ zeroA: zeroPoints(chosen.typeA), zeroY: zeroPoints(chosen.typeA), scaleA: scales, scaleY: scales })
      .map((rest) => ({ ...chosen, ...rest })),
  );

type Product = typeof products extends fc.Arbitrary<infer T> ? T : never;

/** b's scales and zero points: one, or one for each column. */
function columnParameters({ typeB, columns, perColumn, seed }: Product): { sb: Tensor; zb: Tensor } {
  const next = random(seed + 5);
  const count = perColumn ? columns : 1;
  const sb = vector(
    'float32',
    Array.from({ length: count }, () => 10 ** (-3 + 2 * next())),
  );
  const zb = integers(typeB, [count], seed + 6);
  return perColumn ? { sb, zb } : { sb: { ...sb, dims: [] }, zb: { ...zb, dims: [] } };
}

const batches = fc.constantFrom<readonly (readonly number[])[]>(
  [[], []],
  [[2], [2]],
  [[2, 3], [3]],
  [
    [3, 1],
    [1, 2],
  ],
  [[2], []],
);

test('MatMulInteger: batches that stretch to each other, a zero point for each column', {
  skip: needsExactProducts,
}, async () => {
  await fc.assert(
    fc.asyncProperty(products, batches, async (each, [batchA, batchB]) => {
      // A batched b would need a zero point for each of its matrices' columns.
      const { zb } = columnParameters({ ...each, perColumn: each.perColumn && batchB!.length === 0 });
      const values = {
        a: integers(each.typeA, [...batchA!, each.rows, each.depth], each.seed),
        b: integers(each.typeB, [...batchB!, each.depth, each.columns], each.seed + 1),
        ...{ za: scalar(each.typeA, each.zeroA), zb },
      };
      await assertSameBits({ node: node('MatMulInteger', ['a', 'b', 'za', 'zb'], ['y']), values, outputs: ['int32'] });
    }),
    { numRuns: 60 },
  );
});

test('a lone axis counts as a row on the left and as a column on the right', { skip: needsExactProducts }, async () => {
  for (const [dimsA, dimsB] of [
    [[4], [4, 3]],
    [[2, 3, 4], [4]],
    [[4], [4]],
  ] as const) {
    const values = { a: integers('uint8', dimsA, 1), b: integers('int8', dimsB, 2) };
    await assertSameBits({ node: node('MatMulInteger', ['a', 'b'], ['y']), values, outputs: ['int32'] });
  }
});

test('QLinearMatMul: a scale for each column, ties to even, saturation', { skip: needsExactProducts }, async () => {
  await fc.assert(
    fc.asyncProperty(products, async (each) => {
      const values = {
        a: integers(each.typeA, [each.rows, each.depth], each.seed),
        ...{ sa: scalar('float32', each.scaleA), za: scalar(each.typeA, each.zeroA) },
        b: integers(each.typeB, [each.depth, each.columns], each.seed + 1),
        ...columnParameters(each),
        ...{ sy: scalar('float32', each.scaleY), zy: scalar(each.typeA, each.zeroY) },
      };
      const inputs = ['a', 'sa', 'za', 'b', 'sb', 'zb', 'sy', 'zy'];
      await assertSameBits({ node: node('QLinearMatMul', inputs, ['y']), values, outputs: [each.typeA] });
    }),
    { numRuns: 80 },
  );
});

test('QLinearMatMul: every product of two 8-bit values, so that some fall within a float32 step of a tie', {
  skip: needsExactProducts,
}, async () => {
  const all = (dims: readonly number[]): Tensor => ({
    ...vector(
      'uint8',
      Array.from({ length: 256 }, (_, i) => i),
    ),
    dims,
  });
  await fc.assert(
    fc.asyncProperty(scales, scales, scales, zeroPoints('uint8'), async (scaleA, scaleB, scaleY, zero) => {
      const values = {
        ...{ a: all([256, 1]), sa: scalar('float32', scaleA), za: scalar('uint8', zero) },
        ...{ b: all([1, 256]), sb: scalar('float32', scaleB), zb: scalar('uint8', 128) },
        // Wide enough that most products do not saturate.
        ...{ sy: scalar('float32', scaleA * scaleB * (scaleY + 1) * 128), zy: scalar('uint8', 128) },
      };
      const inputs = ['a', 'sa', 'za', 'b', 'sb', 'zb', 'sy', 'zy'];
      await assertSameBits({ node: node('QLinearMatMul', inputs, ['y']), values, outputs: ['uint8'] });
    }),
    { numRuns: 40 },
  );
});

test('QGemm: transposes, alpha and a bias of any shape, to integers and to float', {
  skip: needsExactProducts,
}, async () => {
  const gemms = fc.record({
    ...{ transA: fc.nat(1), transB: fc.nat(1), alpha: fc.constantFrom(1, 0.5, -1.25) },
    ...{ bias: fc.constantFrom('none', 'scalar', 'row', 'column', 'matrix'), toFloat: fc.boolean() },
  });
  await fc.assert(
    fc.asyncProperty(products, gemms, async (each, { transA, transB, alpha, bias, toFloat }) => {
      const { rows, columns, depth, seed } = each;
      const biasDims = { none: [], scalar: [1], row: [columns], column: [rows, 1], matrix: [rows, columns] }[bias];
      const c = integers('int32', biasDims, seed + 2);
      const values = {
        a: integers(each.typeA, transA ? [depth, rows] : [rows, depth], seed),
        ...{ sa: scalar('float32', each.scaleA), za: scalar(each.typeA, each.zeroA) },
        b: integers(each.typeB, transB ? [columns, depth] : [depth, columns], seed + 1),
        ...columnParameters(each),
        ...(bias === 'none' ? {} : { c }),
        ...(toFloat ? {} : { sy: scalar('float32', each.scaleY), zy: scalar(each.typeA, each.zeroY) }),
      };
      const inputs = ['a', 'sa', 'za', 'b', 'sb', 'zb', bias === 'none' ? '' : 'c', ...(toFloat ? [] : ['sy', 'zy'])];
      const attributes = { transA: int(transA), transB: int(transB), alpha: float(alpha) };
      const gemm = node('com.microsoft:QGemm', inputs, ['y'], attributes);
      await assertSameBits({ node: gemm, values, outputs: [toFloat ? 'float32' : each.typeA] });
    }),
    { numRuns: 120 },
  );
});

test('MatMulIntegerToFloat: the accumulator times the product of the scales, plus a bias', {
  skip: needsExactProducts,
}, async () => {
  await fc.assert(
    fc.asyncProperty(products, fc.boolean(), async (each, hasBias) => {
      const { sb, zb } = columnParameters(each);
      const values = {
        a: integers(each.typeA, [2, each.rows, each.depth], each.seed),
        b: integers(each.typeB, [each.depth, each.columns], each.seed + 1),
        ...{ sa: scalar('float32', each.scaleA), sb, za: scalar(each.typeA, each.zeroA), zb },
        ...(hasBias ? { bias: floats([each.columns], 10, each.seed + 3) } : {}),
      };
      const inputs = ['a', 'b', 'sa', 'sb', 'za', 'zb', ...(hasBias ? ['bias'] : [])];
      await assertSameBits({
        node: node('com.microsoft:MatMulIntegerToFloat', inputs, ['y']),
        values,
        outputs: ['float32'],
      });
    }),
    { numRuns: 60 },
  );
});

test('DynamicQuantizeMatMul: a is quantised by its own range', { skip: needsExactProducts }, async () => {
  await fc.assert(
    fc.asyncProperty(products, fc.boolean(), async (each, hasBias) => {
      const values = {
        a: floats([2, each.rows, each.depth], each.scaleA, each.seed),
        b: integers(each.typeB, [each.depth, each.columns], each.seed + 1),
        ...columnParameters(each),
        ...(hasBias ? { bias: floats([each.columns], 10, each.seed + 3) } : {}),
      };
      const inputs = ['a', 'b', 'sb', 'zb', ...(hasBias ? ['bias'] : [])];
      await assertSameBits({
        node: node('com.microsoft:DynamicQuantizeMatMul', inputs, ['y']),
        values,
        outputs: ['float32'],
      });
    }),
    { numRuns: 60 },
  );
});
