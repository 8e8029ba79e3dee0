/** Small models whose error is known, and the reference's models, whose naming is not ours. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSamples } from '../../../../runtime/data/open-samples.ts';
import { evenly } from '../../../../runtime/data/samples.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { loadModel, parseModel } from '../../../../runtime/graph/load.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import { fastTypesHere } from '../../../../runtime/quantize/fast-types.ts';
import { compareModels } from '../../../../runtime/quantize/inspect/compare-models.ts';
import { applyRecipe, observeFor } from '../../../../runtime/quantize/quantize.ts';
import { staticHere } from '../built.ts';
import { dataFolder, needsSharedData } from '../reference.ts';
import { conv, modelFrom, noise, noiseSamples, samplesOf } from '../small-models.ts';

const float = modelFrom(
  [conv('x', 'a', 'w', 'first'), node('Relu', ['a'], ['r'], {}, 'relu'), conv('r', 'y', 'w', 'second')],
  [1, 4, 8, 8],
  { w: noise([4, 4, 3, 3]) },
);
const samples = noiseSamples([1, 4, 8, 8]);

async function quantized(model: Model, about: object = {}): Promise<Model> {
  const recipe = staticHere(about);
  const result = await applyRecipe(model, recipe, await observeFor(model, [recipe], samples));
  assert.ok(result.ok);
  return parseModel(result.bytes);
}

test('each layer is compared after its rounding, in order of execution, with its weights', async () => {
  const { layers, outputs } = await compareModels(float, await quantized(float), samples);
  assert.deepEqual(
    layers.map(({ node, opType, tensor }) => [opType, node, tensor]),
    [
      ['input', '', 'x'],
      ['Conv', 'first', 'r'],
      ['Conv', 'second', 'y'],
    ],
  );
  // Noise that fills 8 bits evenly has 48 dB; rounding weights and inputs again costs some of it.
  for (const { sqnrDb } of layers) assert.ok(sqnrDb > 35 && sqnrDb < 60, `${sqnrDb}`);
  assert.ok(layers[1]?.weights?.perChannel && layers[1].weights.sqnrDb > 40);
  assert.deepEqual(layers[1]?.range?.min, 0);
  assert.ok(
    outputs[0] && Math.abs(outputs[0].sqnrDb - layers.at(-1)!.sqnrDb) < 1,
    'as it runs, it is as it is written',
  );
});

test('a model compared with itself is equal everywhere', async () => {
  const { layers } = await compareModels(float, float, samples);
  assert.deepEqual(
    layers.map(({ tensor, sqnrDb, range }) => [tensor, sqnrDb, range]),
    [
      ['a', 150, null],
      ['r', 150, null],
      ['y', 150, null],
    ],
  );
});

test('values beyond the calibrated range show as cut off', async () => {
  const wide = samplesOf([{ ...noise([1, 4, 8, 8]), data: noise([1, 4, 8, 8]).data.map((value) => 4 * value) }]);
  const { layers } = await compareModels(float, await quantized(float), wide);
  // Three quarters of [-4, 4) lie beyond the [-1, 1) that was seen.
  assert.ok(Math.abs(layers[0]!.saturation! - 0.75) < 0.08, `${layers[0]?.saturation}`);
});

test('histograms are kept only when asked for', async () => {
  const int8 = await quantized(float);
  assert.equal((await compareModels(float, int8, samples)).layers[0]?.histogram, null);
  const { layers } = await compareModels(float, int8, samples, { histograms: true });
  const { counts, min, max } = layers[0]!.histogram!;
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    8 * 4 * 8 * 8,
  );
  assert.ok(min >= -1 && max < 1);
});

test('a sample of another shape is an error, and an unrelated model too', async () => {
  await assert.rejects(compareModels(float, float, noiseSamples([1, 3, 8, 8])), { code: 'DATA_MISMATCH' });
  const other = modelFrom([node('Tanh', ['x'], ['other'])], [1, 4, 8, 8]);
  const renamed = { ...other, graph: { ...other.graph, outputs: [{ ...other.graph.outputs[0]!, name: 'other' }] } };
  await assert.rejects(compareModels(float, renamed, samples), { code: 'MODEL_UNSUPPORTED' });
});

test('it stops when it is told to', async () => {
  const stop = new AbortController();
  const comparing = compareModels(float, float, samples, { onProgress: () => stop.abort(), signal: stop.signal });
  await assert.rejects(comparing, { name: 'AbortError' });
});

for (const format of ['static-u8s8', 'static-s8s8', 'dynamic'])
  test(`the reference tool's ${format} resnet8 is compared layer by layer`, needsSharedData, async () => {
    const folded = await loadModel(join(dataFolder, 'reference/fashion-resnet8.folded.onnx'));
    const int8 = await loadModel(join(dataFolder, `reference/fashion-resnet8.${format}.onnx`));
    const data = await openSamples(join(dataFolder, 'fashion/calibration.npz'), { inputs: folded.graph.inputs });
    const { layers, outputs } = await compareModels(folded, int8, evenly(data, 8));
    const convolutions = layers.filter(({ opType }) => opType === 'Conv');
    assert.equal(convolutions.length, 9);
    // A tensor paired with the wrong one has next to no signal in common.
    for (const { node, cosine, sqnrDb } of layers) assert.ok(cosine > 0.99 && sqnrDb > 20, `${node}: ${cosine}`);
    assert.ok(convolutions.every(({ weights }) => weights && weights.sqnrDb > 30));
    // These weights have 8 bits, which saturate in the kernels of a processor without VNNI.
    assert.ok(outputs[0]!.sqnrDb > (fastTypesHere().reduceRange ? 5 : 25), `${outputs[0]!.sqnrDb}`);
  });
