/** The command as a user starts it: a process of its own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { programPath } from '../../runtime/base/children.ts';
import { node } from '../../runtime/graph/build.ts';
import { saveModel } from '../../runtime/graph/save.ts';
import { fastTypesHere } from '../../runtime/quantize/fast-types.ts';
import { dataFolder, needsSharedData } from '../runtime/quantize/reference.ts';
import { conv, modelFrom, noise } from '../runtime/quantize/small-models.ts';

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-inspect-test-'));
  const nodes = [conv('x', 'a'), node('Relu', ['a'], ['r'], {}, 'relu'), node('Tanh', ['r'], ['y'], {}, 'tanh')];
  await saveModel(modelFrom(nodes, ['n', 4, 8, 8], { w: noise([4, 4, 3, 3]) }), join(folder, 'model.onnx'));
});

after(() => rm(folder, { recursive: true }));

function inspect(...words: string[]) {
  return spawnSync(process.execPath, [programPath(), 'inspect', ...words], { encoding: 'utf8' });
}

test('it says what the model is and what would run in int8, without data', () => {
  const { stdout, status } = inspect(join(folder, 'model.onnx'));
  assert.equal(status, 0);
  assert.match(stdout, /144 parameters, 9,216 multiply-adds, opset 13/);
  assert.match(stdout, /Conv +a +\[1, 4, 8, 8\] +144 +100.0 % +576 B +9,216 +100.0 %/);
  assert.match(stdout, /input +x: float32 \[n, 4, 8, 8\]/);
  assert.match(stdout, /nodes +1 Conv, 1 Relu, 1 Tanh/);
  assert.match(stdout, /int8 +QLinearConv +1 Conv, 1 Relu/);
  assert.match(stdout, /float +Tanh "tanh": no int8 kernel for Tanh/);
  assert.match(stdout, /Conv "a": Conv is slower/);
});

test('--json prints one document with the same facts', () => {
  const report = JSON.parse(inspect(join(folder, 'model.onnx'), '--json').stdout);
  assert.deepEqual(report.operators, { Conv: 1, Relu: 1, Tanh: 1 });
  assert.deepEqual(report.outputs, [{ name: 'y', type: 'float32', dims: null }]);
  assert.deepEqual(report.plan.static[0], { node: 'a', opType: 'Conv', kernel: 'QLinearConv' });
});

test('a quantised model is described as one, without a plan', needsSharedData, () => {
  const { stdout, status } = inspect(join(dataFolder, 'reference/digits-lstm.dynamic.onnx'));
  assert.equal(status, 0);
  assert.match(stdout, /already quantised: 3 nodes/);
});

test('the shapes come from the data, when there is some', needsSharedData, () => {
  const model = join(dataFolder, 'gestures/cnn1d.onnx');
  const { nodes, multiplyAdds } = JSON.parse(
    inspect(model, '--data', join(dataFolder, 'gestures/test.npz'), '--json').stdout,
  );
  const first = nodes.find(({ opType }: { opType: string }) => opType === 'Conv');
  assert.equal(first.output.length, 3);
  assert.ok(multiplyAdds > 0);
});

test('two models are compared layer by layer, and what to do is said in one sentence', needsSharedData, () => {
  const models = ['fashion/resnet8.onnx', 'reference/fashion-resnet8.static-u8s8.onnx'].map((name) =>
    join(dataFolder, name),
  );
  const words = [...models, '--data', join(dataFolder, 'fashion/calibration.npz'), '--samples', '8'];
  const { stdout, status } = inspect(...words);
  assert.equal(status, 0);
  assert.match(stdout, /Conv +\/0\/Conv +\d+\.\d +█+/);
  // Its weights have 8 bits, which saturate in the kernels of a processor without VNNI.
  assert.match(stdout, fastTypesHere().reduceRange ? /→ The layers are right .* saturate/ : /→ No layer stands out/);
  assert.match(stdout, /int8 +QLinearConv +9 Conv/);
  const report = JSON.parse(inspect(...words, '--json').stdout);
  assert.equal(report.samples, 8);
  assert.equal(report.layers[0].tensor, 'x');
  assert.equal(report.integerShare, 1);
});

test('two models without data, or a report on one model, are requests that cannot be met', () => {
  const model = join(folder, 'model.onnx');
  const without = inspect(model, model);
  assert.deepEqual([without.status, without.stdout], [2, '']);
  assert.match(without.stderr, /--data/);
  assert.match(inspect(model, '--report', join(folder, 'out.html')).stderr, /expected two models/);
});

test('a file that is no model is an error with a code', async () => {
  await writeFile(join(folder, 'text.onnx'), 'hello');
  const { status, stderr, stdout } = inspect(join(folder, 'text.onnx'));
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, /MODEL_INVALID/);
});
