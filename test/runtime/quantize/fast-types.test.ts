import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constantTensor } from '../../../runtime/graph/initializer.ts';
import { parseModel } from '../../../runtime/graph/load.ts';
import { fastTypesHere, fillTypes } from '../../../runtime/quantize/fast-types.ts';
import { build, relativeError } from './built.ts';
import { conv, modelFrom, noise, noiseSamples } from './small-models.ts';

test('an x86 processor without VNNI gets weights in 7 bits, one with it all 8, ARM signed activations', () => {
  const types = ({ activation, reduceRange }: ReturnType<typeof fastTypesHere>) => ({ activation, reduceRange });
  assert.deepEqual(types(fastTypesHere(['avx2'])), { activation: 'uint8', reduceRange: true });
  assert.deepEqual(types(fastTypesHere(['avx2', 'avx512_vnni'])), { activation: 'uint8', reduceRange: false });
  assert.deepEqual(types(fastTypesHere(['neon', 'dotprod'])), { activation: 'int8', reduceRange: false });
});

test('what a recipe says itself is kept, and a recipe for a GPU is left alone', () => {
  const fast = { activation: 'uint8', reduceRange: true } as const;
  const said = { kind: 'static', activation: 'int8', reduceRange: false };
  assert.deepEqual(fillTypes(said, fast), said);
  assert.deepEqual(fillTypes({ kind: 'static', target: 'tensorrt' }, fast), { kind: 'static', target: 'tensorrt' });
  assert.deepEqual(fillTypes({ kind: 'dynamic' }, fast), { kind: 'dynamic', reduceRange: true });
  assert.deepEqual(fillTypes({ kind: 'weight-only' }, fast), { kind: 'weight-only' });
});

/** Everything at its largest: the sums of two products that saturate in 16 bits. */
const image = [1, 16, 8, 8];
const loud = modelFrom([conv('x', 'y')], image, {
  w: { ...noise([8, 16, 3, 3]), data: new Float32Array(1152).fill(1) },
});
const samples = {
  ...noiseSamples(image),
  feeds: async () => ({ x: { ...noise(image), data: new Float32Array(1024).fill(1) } }),
};

for (const weight of ['int8', 'uint8'] as const)
  test(`the largest weights meet the largest activations without saturating, ${weight}`, async () => {
    const reduceRange = weight === 'int8' && fastTypesHere().reduceRange;
    const built = await build(loud, { kind: 'static', activation: 'uint8', weight, reduceRange }, samples);
    assert.ok((await relativeError(loud, built, [await samples.feeds()])) < 0.02);
  });

test('a reduced range has 64 steps on each side, as in the reference', async () => {
  const built = await build(loud, { kind: 'static', reduceRange: true }, samples);
  const { graph } = parseModel(built.bytes);
  assert.equal(constantTensor(graph, 'w_scale')?.data[0], Math.fround(2 / 128));
  assert.ok(constantTensor(graph, 'w_quantized')?.data.every((value) => Number(value) === 64));
});
