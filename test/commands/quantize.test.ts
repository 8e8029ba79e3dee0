/** The command as a user starts it: a process of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { programPath } from '../../runtime/base/children.ts';
import { sha256OfFile } from '../../runtime/base/files.ts';
import { float32, node } from '../../runtime/graph/build.ts';
import { saveModel } from '../../runtime/graph/save.ts';
import { writeNpy } from '../runtime/quantize/npy.ts';
import { conv, modelFrom, noise } from '../runtime/quantize/small-models.ts';

let folder: string;
let outFolder: string;
const inFolder = (...names: string[]) => join(folder, ...names);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-quantize-test-'));
  outFolder = inFolder('out');
  const nodes = [conv('x', 'a'), node('Tanh', ['a'], ['t'], {}, 'tanh'), conv('t', 'y')];
  await saveModel(modelFrom(nodes, ['n', 4, 8, 8], { w: noise([4, 4, 3, 3]) }), inFolder('model.onnx'));
  await saveModel(modelFrom([node('Tanh', ['x'], ['y'], {}, 'tanh')], ['n', 4, 8, 8]), inFolder('tanh.onnx'));
  await writeNpy(inFolder('data', 'x.npy'), noise([20, 4, 8, 8]));
  await writeNpy(inFolder('long', 'x.npy'), noise([4000, 4, 8, 8]));
  await writeNpy(inFolder('other', 'x.npy'), noise([20, 3, 8, 8]));
  await writeNpy(inFolder('broken', 'x.npy'), float32([1, 4, 8, 8], new Float32Array(256).fill(Number.NaN)));
});

after(() => rm(folder, { recursive: true }));

function start(...words: string[]) {
  const child = spawn(process.execPath, [programPath(), 'quantize', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.stderr += chunk;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...text }));
  return { child, ended };
}

test('a table says what runs in int8 and what stays float and why; model and recipe are written', async () => {
  const output = inFolder('out', 'table.onnx');
  const { code, stdout } = await start(inFolder('model.onnx'), '--data', inFolder('data'), '-o', output).ended;
  assert.equal(code, 0);
  assert.match(stdout, /int8 +QLinearConv +2 Conv/);
  assert.match(stdout, /float +Tanh "tanh": no int8 kernel for Tanh/);
  assert.match(stdout, /\d+ B → .*times larger/);
  const record = JSON.parse(await readFile(inFolder('out', 'table.recipe.json'), 'utf8'));
  assert.equal(record.sha256, await sha256OfFile(output));
  assert.equal(record.calibration.samples, 20);
});

test('--json prints one document on stdout', async () => {
  const words = ['--data', inFolder('data'), '-o', inFolder('out', 'json.onnx'), '--observer', 'mse', '--exclude', 'y'];
  const { code, stdout } = await start(inFolder('model.onnx'), ...words, '--activation', 'int8', '--json').ended;
  assert.equal(code, 0);
  const document = JSON.parse(stdout);
  assert.deepEqual(
    [document.recipe.observer, document.recipe.activation, document.recipe.exclude],
    ['mse', 'int8', ['y']],
  );
  assert.equal(
    document.outcomes.find((outcome: { node: string }) => outcome.node === 'y').reason,
    'the recipe excludes it',
  );
});

test('auto says what it tried and how much runs in int8, and its recipe file gives the same bytes without timing', async () => {
  const output = inFolder('out', 'auto.onnx');
  const data = ['--data', inFolder('data')];
  const words = [...data, '--recipe', 'auto', '--search-time', '1', '--max-disagreement', '0.5', '--json'];
  const { code, stdout, stderr } = await start(inFolder('model.onnx'), ...words, '-o', output).ended;
  assert.equal(code, 0, stderr);
  const { auto, recipe, sha256 } = JSON.parse(stdout);
  assert.equal(recipe.kind, 'composed');
  assert.equal(auto.tried[0].label, 'float32, as it came');
  assert.equal(auto.multiplyAdds.total, 2 * 4 * 64 * 4 * 9);
  assert.equal(sha256, await sha256OfFile(output));
  const again = inFolder('out', 'again.onnx');
  const repeated = await start(
    inFolder('model.onnx'),
    ...data,
    '--recipe',
    inFolder('out', 'auto.recipe.json'),
    '-o',
    again,
  ).ended;
  assert.equal(repeated.code, 0, repeated.stderr);
  assert.equal(await sha256OfFile(again), sha256);
});

test('a recipe file may hold a recipe alone', async () => {
  await writeFile(inFolder('mine.json'), JSON.stringify({ kind: 'static', exclude: ['y'] }));
  const words = ['--data', inFolder('data'), '--recipe', inFolder('mine.json'), '-o', inFolder('out', 'mine.onnx')];
  const { code, stdout, stderr } = await start(inFolder('model.onnx'), ...words, '--json').ended;
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout).recipe.exclude, ['y']);
});

const refusals: [string, () => string[], number, RegExp][] = [
  ['a model that is missing', () => [inFolder('none.onnx')], 2, /FILE_NOT_FOUND/],
  ['a file that is no model', () => [inFolder('text.onnx')], 2, /MODEL_INVALID/],
  ['a model that is cut short', () => [inFolder('short.onnx')], 2, /MODEL_INVALID/],
  [
    'a model with nothing to quantise',
    () => [inFolder('tanh.onnx'), '--data', inFolder('data')],
    2,
    /no node of this model/,
  ],
  ['data of another shape', () => [inFolder('model.onnx'), '--data', inFolder('other')], 2, /DATA_MISMATCH/],
  ['NaN in the data', () => [inFolder('model.onnx'), '--data', inFolder('broken')], 2, /DATA_INVALID .*"x".*NaN/],
  ['a static recipe without data', () => [inFolder('model.onnx'), '--recipe', 'static'], 2, /USAGE .*--data/],
  ['an unknown node to exclude', () => [inFolder('model.onnx'), '--exclude', 'b'], 2, /USAGE .*--exclude.*got b/],
  [
    'a recipe file that is no recipe',
    () => [inFolder('model.onnx'), '--data', inFolder('data'), '--recipe', inFolder('no-recipe.json')],
    2,
    /no-recipe\.json.*kind/s,
  ],
  [
    'auto without data',
    () => [inFolder('model.onnx'), '--recipe', 'auto'],
    2,
    /--data: expected calibration data for recipe auto, got none/,
  ],
  [
    'an unknown observer',
    () => [inFolder('model.onnx'), '--observer', 'best'],
    2,
    /Allowed choices are min-max, .*mse/,
  ],
];

for (const [what, words, expectedCode, message] of refusals)
  test(`${what} is refused with a code and nothing is written`, async () => {
    await writeFile(inFolder('text.onnx'), 'not a model');
    await writeFile(inFolder('no-recipe.json'), '{"kind":"magic"}');
    await writeFile(inFolder('short.onnx'), (await readFile(inFolder('model.onnx'))).subarray(0, 300));
    const output = inFolder('refused', 'out.onnx');
    const { code, stderr, stdout } = await start(...words(), '-o', output).ended;
    assert.equal(code, expectedCode, stderr);
    assert.match(stderr, message);
    assert.equal(stdout, '');
    await assert.rejects(readdir(inFolder('refused')), /ENOENT/);
  });

test('where the model cannot be written, its recipe is not left behind', async () => {
  const output = inFolder('taken.onnx');
  await mkdir(output, { recursive: true });
  const { code, stderr } = await start(inFolder('model.onnx'), '--data', inFolder('data'), '-o', output).ended;
  assert.equal(code, 1);
  assert.match(stderr, /WRITE_FAILED/);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('taken')),
    ['taken.onnx'],
  );
});

test('the model itself is not overwritten', async () => {
  const model = inFolder('model.onnx');
  const digest = await sha256OfFile(model);
  const { code, stderr } = await start(model, '--data', inFolder('data'), '-o', model).ended;
  assert.equal(code, 2);
  assert.match(stderr, /USAGE .*another file than the model/);
  assert.equal(await sha256OfFile(model), digest);
});

test('a quantised model is refused, and the error says that it is one', async () => {
  const once = inFolder('out', 'once.onnx');
  await start(inFolder('model.onnx'), '--data', inFolder('data'), '-o', once).ended;
  const { code, stderr } = await start(once, '--data', inFolder('data'), '-o', inFolder('out', 'twice.onnx')).ended;
  assert.equal(code, 2);
  assert.match(stderr, /already quantised/);
  assert.ok(!(await readdir(outFolder)).includes('twice.onnx'));
});

test('interrupted while observing, it ends with an error and leaves no file', async () => {
  const output = inFolder('interrupted', 'out.onnx');
  const words = ['--data', inFolder('long'), '--samples', '4000', '--observer', 'mse', '-o', output];
  const { child, ended } = start(inFolder('model.onnx'), ...words);
  await untilMapped(child.pid!, 'onnxruntime');
  child.kill('SIGINT');
  const { code } = await ended;
  assert.notEqual(code, 0);
  await assert.rejects(readdir(inFolder('interrupted')), /ENOENT/);
});

/** Waits until a process has loaded a library of this name: its work has begun, and thousands of samples are ahead of it. */
async function untilMapped(pid: number, library: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await readFile(`/proc/${pid}/maps`, 'utf8')).includes(library)) {
    if (Date.now() > deadline) throw new Error(`process ${pid} has not loaded ${library}`);
    await setImmediate();
  }
}

test('--improve says in the recipe what was done, and the recipe file gives the same bytes again', async () => {
  const [first, again] = [inFolder('out', 'improved.onnx'), inFolder('out', 'again.onnx')];
  const data = ['--data', inFolder('data')];
  const methods = ['--improve', 'equalize', 'reconstruct', 'correct-bias'];
  assert.equal((await start(inFolder('model.onnx'), ...data, '-o', first, ...methods).ended).code, 0);
  const recipePath = inFolder('out', 'improved.recipe.json');
  const { recipe, sha256 } = JSON.parse(await readFile(recipePath, 'utf8'));
  assert.deepEqual([recipe.equalize, recipe.rounding, recipe.biasCorrection], [true, 'reconstruct', true]);
  assert.equal((await start(inFolder('model.onnx'), ...data, '-o', again, '--recipe', recipePath).ended).code, 0);
  assert.equal(await sha256OfFile(again), sha256);
});

test('--improve without calibration data is a wrong request', async () => {
  const { code, stderr } = await start(
    inFolder('model.onnx'),
    '-o',
    inFolder('out', 'no.onnx'),
    '--improve',
    'equalize',
  ).ended;
  assert.equal(code, 2);
  assert.match(stderr, /expected a static recipe, got dynamic/);
});
