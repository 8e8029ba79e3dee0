/** Timing decides what wins here, so these tests hold for every winner. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ints } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { saveModel } from '../../../../runtime/graph/save.ts';
import { type AutoOptions, quantizeAuto } from '../../../../runtime/quantize/auto/auto.ts';
import { isUnchanged } from '../../../../runtime/quantize/auto/composed-recipe.ts';
import { repeatComposed } from '../../../../runtime/quantize/auto/repeat.ts';
import { fastTypesHere } from '../../../../runtime/quantize/fast-types.ts';
import { conv, modelFrom, noise, noiseSamples } from '../small-models.ts';

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-auto-test-'));
});

after(() => rm(folder, { recursive: true }));

const options: AutoOptions = {
  ...fastTypesHere(),
  budget: { maxDrop: 0.01, maxDisagreement: 0.2 },
  threads: 1,
  samples: 16,
  searchMs: 4000,
};

/** Heavy enough for int8 to win on most processors: 32 channels, 3 × 3, four times. */
async function convolutional(): Promise<string> {
  const path = join(folder, 'convolutional.onnx');
  const weights = Object.fromEntries([2, 3, 4].map((at) => [`w${at}`, noise([32, 32, 3, 3], at)]));
  const nodes = [
    conv('x', 'c1', 'w1'),
    node('Relu', ['c1'], ['r1'], {}, 'r1'),
    conv('r1', 'c2', 'w2'),
    node('Relu', ['c2'], ['r2'], {}, 'r2'),
    conv('r2', 'c3', 'w3'),
    node('Add', ['c3', 'r1'], ['a'], {}, 'a'),
    node('Relu', ['a'], ['r3'], {}, 'r3'),
    conv('r3', 'c4', 'w4'),
    node('GlobalAveragePool', ['c4'], ['g'], {}, 'g'),
    node('Flatten', ['g'], ['y'], {}, 'f'),
  ];
  await saveModel(modelFrom(nodes, ['n', 3, 16, 16], { w1: noise([32, 3, 3, 3]), ...weights }), path);
  return path;
}

test('the answer is faster than float32 beyond doubt or float32 itself, and its recipe gives the same bytes again', async () => {
  const path = await convolutional();
  const samples = noiseSamples([1, 3, 16, 16], 40);
  const result = await quantizeAuto(path, samples, options);
  if (result.verification) assert.ok(result.verification.speedup.low > 1);
  else assert.ok(isUnchanged(result.recipe));
  assert.ok(result.tried.length > 3, `only ${result.tried.length} tried`);
  assert.equal(new Set(result.tried.map(({ label }) => label)).size, result.tried.length, 'labels must be distinct');
  const again = await repeatComposed(path, samples, result.recipe);
  assert.ok(Buffer.from(again.bytes).equals(result.bytes));
});

test('with a budget of nothing the answer is the float32 model, byte for byte', async () => {
  const path = await convolutional();
  const budget = { maxDrop: 0, maxDisagreement: 0 };
  const result = await quantizeAuto(path, noiseSamples([1, 3, 16, 16], 20), { ...options, budget, searchMs: 500 });
  assert.ok(isUnchanged(result.recipe));
  assert.ok((await readFile(path)).equals(result.bytes));
  assert.equal(result.multiplyAdds.share, 0);
});

test('a model without anything to quantise comes back as it came', async () => {
  const path = join(folder, 'plain.onnx');
  await saveModel(modelFrom([node('Transpose', ['x'], ['y'], { perm: ints([1, 0]) }, 't')], ['n', 4]), path);
  const result = await quantizeAuto(path, noiseSamples([1, 4], 20), { ...options, searchMs: 500 });
  assert.equal(result.multiplyAdds.total, 0);
  assert.ok(result.verification === null || result.verification.speedup.low > 1);
});

test('too little data to hold any out is refused', async () => {
  const path = await convolutional();
  await assert.rejects(quantizeAuto(path, noiseSamples([1, 3, 16, 16], 1), options), { code: 'DATA_INVALID' });
});

test('an interrupted search ends with the reason', async () => {
  const path = await convolutional();
  const interrupt = new AbortController();
  const onProgress = () => interrupt.abort(new Error('enough'));
  const running = quantizeAuto(path, noiseSamples([1, 3, 16, 16], 20), {
    ...options,
    onProgress,
    signal: interrupt.signal,
  });
  await assert.rejects(running, /enough/);
});
