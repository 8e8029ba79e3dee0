/** Oracle: ONNX Runtime's MatMulNBits on what we packed, against the float product. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { int } from '../../../../runtime/graph/attributes.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../../runtime/graph/build.ts';
import { parseModel } from '../../../../runtime/graph/load.ts';
import { packBlocks } from '../../../../runtime/quantize/weight-only/pack-blocks.ts';
import { build, kernelsOf, outputsOf, reasonsOf, relativeError } from '../built.ts';
import { modelFrom, noise } from '../small-models.ts';

const feeds = [1, 2, 3].map((seed) => ({ x: noise([2, 70], seed) }));
/** The share of the output's range that a product over 70 inputs may be off. */
const tolerances = { 2: 0.6, 4: 0.12, 8: 0.012 };

for (const bits of [2, 4, 8] as const)
  for (const symmetric of [true, false])
    for (const blockSize of [16, 32, 64])
      test(`${bits} bits, blocks of ${blockSize}, ${symmetric ? 'symmetric' : 'with zero points'}: close to the float product`, async () => {
        const model = modelFrom([node('MatMul', ['x', 'w'], ['y'], {}, 'product')], [2, 70], { w: noise([70, 9]) });
        const built = await build(model, { kind: 'weight-only', bits, symmetric, blockSize });
        assert.equal(kernelsOf(built).product, 'MatMulNBits');
        const error = await relativeError(model, built, feeds);
        assert.ok(error < tolerances[bits], `relative error ${error}`);
      });

test('a block whose values are on the grid is stored without any error', () => {
  const matrix = float32(
    [16, 1],
    Array.from({ length: 16 }, (_, i) => (i - 8) * 0.25),
  );
  const { values, scales, zeroPoints } = packBlocks(matrix, { bits: 4, blockSize: 16, symmetric: true });
  assert.deepEqual([...scales.data], [0.25]);
  assert.deepEqual([...values.data], [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
  assert.equal(zeroPoints, undefined);
});

test('blocks that are all zero, and matrices that fill no whole block, are exact', () => {
  const { values, scales } = packBlocks(float32([3, 2], new Array(6).fill(0)), {
    bits: 4,
    blockSize: 16,
    symmetric: true,
  });
  assert.deepEqual([...scales.data], [1, 1]);
  assert.ok(values.data.every((byte) => byte === 0x88));
});

describe('a Gemm', () => {
  test('has its matrix packed whichever way it lies, and its bias added in float', async () => {
    for (const transB of [0, 1]) {
      const w = noise(transB ? [9, 70] : [70, 9]);
      const model = modelFrom([node('Gemm', ['x', 'w', 'b'], ['y'], { transB: int(transB) }, 'gemm')], [2, 70], {
        w,
        b: noise([9], 4),
      });
      const built = await build(model, { kind: 'weight-only', bits: 8 });
      assert.equal(kernelsOf(built).gemm, 'MatMulNBits');
      assert.ok((await relativeError(model, built, feeds)) < tolerances[8]);
    }
  });

  test('gets the bits that an override says', async () => {
    const model = modelFrom([node('MatMul', ['x', 'w'], ['y'], {}, 'product')], [2, 70], { w: noise([70, 9]) });
    const { bytes } = await build(model, { kind: 'weight-only', overrides: [{ nodes: 'prod*', bits: 8 }] });
    const packed = parseModel(bytes).graph.initializers.get('w_packed');
    assert.deepEqual(packed?.dims, [9, 3, 32]);
  });
});

describe('an embedding', () => {
  const model = modelOf(
    graphOf({
      nodes: [node('Gather', ['table', 'i'], ['g'], {}, 'embed'), node('MatMul', ['g', 'w'], ['y'], {}, 'product')],
      inputs: [valueInfo('i', 'int64', [3])],
      outputs: [valueInfo('y', 'float32')],
      initializers: { table: noise([50, 8]), w: noise([8, 4], 2) },
    }),
    { '': 13 },
  );
  const tokens = [{ i: { type: 'int64', dims: [3], data: BigInt64Array.of(0n, 7n, 49n) } as const }];
  const samples = { count: 1, labels: undefined, feeds: async () => tokens[0]!, description: 'tokens' };

  for (const recipe of [{ kind: 'weight-only', bits: 8 }, { kind: 'dynamic' }, { kind: 'static' }])
    test(`${recipe.kind}: keeps its table in int8 and comes within 5 %`, async () => {
      const built = await build(model, recipe, samples);
      const { graph } = parseModel(built.bytes);
      assert.equal(graph.initializers.has('table'), false);
      const table = [...graph.initializers.values()].find(({ dims }) => dims[0] === 50);
      assert.match(table?.type ?? '', /^u?int8$/);
      assert.ok((await relativeError(model, built, tokens)) < 0.05);
    });

  test('that is also the last matrix (tied weights) is stored once in a static model', async () => {
    const tied = modelOf(
      graphOf({
        nodes: [
          node('Gather', ['table', 'i'], ['g'], {}, 'embed'),
          node('Gemm', ['g', 'table'], ['y'], { transB: int(1) }, 'logits'),
        ],
        inputs: [valueInfo('i', 'int64', [3])],
        outputs: [valueInfo('y', 'float32')],
        initializers: { table: noise([50, 8]) },
      }),
      { '': 13 },
    );
    const built = await build(tied, { kind: 'static', activation: 'int8' }, samples);
    const tables = [...parseModel(built.bytes).graph.initializers.values()].filter(({ dims }) => dims[0] === 50);
    assert.deepEqual(
      tables.map(({ type }) => type),
      ['int8'],
    );
    assert.ok((await relativeError(tied, built, tokens)) < 0.05);
  });
});

test('convolutions stay float, or are unpacked at each call where the recipe says so', async () => {
  const model = modelFrom([node('Conv', ['x', 'w'], ['y'], {}, 'conv')], [1, 4, 8, 8], { w: noise([4, 4, 3, 3]) });
  const built = await build(model, { kind: 'weight-only', unpacked: true });
  assert.match(reasonsOf(built).conv ?? '', /unpacked at each call/);
  const x = [{ x: noise([1, 4, 8, 8]) }];
  const [exact, rounded] = [await outputsOf(model, x), await outputsOf(built.bytes, x)];
  const worst = exact.reduce((most, value, i) => Math.max(most, Math.abs(value - rounded[i]!)), 0);
  assert.ok(worst > 0 && worst < 0.05, `differ by ${worst}`);
});
