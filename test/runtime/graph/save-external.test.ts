import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openModel, weightBytes } from '../../../runtime/engine/open-model.ts';
import { openSession } from '../../../runtime/engine/session.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { readTensor } from '../../../runtime/graph/initializer.ts';
import { loadModel } from '../../../runtime/graph/load.ts';
import { saveModelWithData } from '../../../runtime/graph/save-external.ts';

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-save-external-'));
});

after(() => rm(folder, { recursive: true }));

const weight = float32(
  [32, 64],
  Array.from({ length: 2048 }, (_, i) => Math.sin(i)),
);
const model = modelOf(
  graphOf({
    nodes: [node('MatMul', ['x', 'w'], ['p']), node('Add', ['p', 'b'], ['y'])],
    inputs: [valueInfo('x', 'float32', [1, 32])],
    outputs: [valueInfo('y', 'float32')],
    initializers: { w: weight, b: float32([64], new Array(64).fill(0.5)) },
  }),
);
const x = float32([1, 32], new Array(32).fill(0.25));

test('large tensors go into a file beside the graph, small ones stay in it, and the model runs as before', async () => {
  const path = join(folder, 'model.onnx');
  saveModelWithData(model, path);
  assert.equal((await stat(`${path}.data`)).size, 8192);
  const [before, after] = [await openModel(model), await openSession(path)];
  assert.deepEqual((await after.run({ x })).y, (await before.run({ x })).y);
});

test('a model whose weights are in a file is written again without them being read into it', async () => {
  const [first, second] = [join(folder, 'first.onnx'), join(folder, 'second.onnx')];
  saveModelWithData(model, first);
  const loaded = await loadModel(first);
  saveModelWithData(loaded, second);
  const again = await loadModel(second);
  assert.equal(again.graph.initializers.get('w')?.source.rawData.byteLength, 0);
  assert.deepEqual(readTensor(again.graph.initializers.get('w')!).data, weight.data);
  assert.ok((await readdir(folder)).includes('second.onnx.data'));
});

test('the weight of a model is told without reading it', async () => {
  const path = join(folder, 'counted.onnx');
  saveModelWithData(model, path);
  const loaded = await loadModel(path);
  await rm(`${path}.data`);
  assert.equal(weightBytes(loaded), 8192 + 256);
});

test('a place that cannot be written is an error that names it', () => {
  assert.throws(
    () => saveModelWithData(model, join(folder, 'nowhere', 'model.onnx')),
    /WRITE_FAILED|expected to write/,
  );
});
