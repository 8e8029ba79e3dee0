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
  assert.match(stdout, /144 parameters, opset 13/);
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

test('a file that is no model is an error with a code', async () => {
  await writeFile(join(folder, 'text.onnx'), 'hello');
  const { status, stderr, stdout } = inspect(join(folder, 'text.onnx'));
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, /MODEL_INVALID/);
});
