/** `octet prune` as a user starts it: a process of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { programPath } from '../../runtime/base/children.ts';
import { sha256OfFile } from '../../runtime/base/files.ts';
import { float32, node } from '../../runtime/graph/build.ts';
import { saveModel } from '../../runtime/graph/save.ts';
import { int64Npy } from '../runtime/data/npz-writer.ts';
import { writeNpy } from '../runtime/quantize/npy.ts';
import { conv, modelFrom, noise } from '../runtime/quantize/small-models.ts';

let folder: string;
const inFolder = (...names: string[]) => join(folder, ...names);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-prune-test-'));
  const nodes = [
    conv('x', 'a', 'w'),
    node('Relu', ['a'], ['r']),
    node('GlobalAveragePool', ['r'], ['p']),
    node('Flatten', ['p'], ['f']),
    node('Gemm', ['f', 'w2'], ['y'], {}, 'head'),
  ];
  const weights = { w: noise([16, 2, 3, 3]), w2: noise([16, 3], 2) };
  await saveModel(modelFrom(nodes, ['n', 2, 6, 6], weights), inFolder('model.onnx'));
  await writeNpy(inFolder('data', 'x.npy'), noise([40, 2, 6, 6]));
  await writeNpy(inFolder('labelled', 'x.npy'), noise([40, 2, 6, 6]));
  const labels = Array.from({ length: 40 }, (_, at) => at % 3);
  await writeFile(inFolder('labelled', 'y.npy'), int64Npy(labels));
  await writeNpy(inFolder('wrong', 'x.npy'), noise([40, 2, 6, 6]));
  await writeNpy(inFolder('wrong', 'y.npy'), float32([40, 3], new Array<number>(120).fill(0)));
});

after(() => rm(folder, { recursive: true }));

const settings = ['--steps', '6', '--batch-size', '8'];

function start(...words: string[]) {
  const child = spawn(process.execPath, [programPath(), 'prune', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
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

const prune = (...words: string[]) => start(inFolder('model.onnx'), ...words).ended;

test('a table shows each layer before and after; model and recipe are written, and the recipe gives the same bytes', async () => {
  const output = inFolder('out.onnx');
  const { code, stdout, stderr } = await prune('--data', inFolder('data'), '--ratio', '0.5', ...settings, '-o', output);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Conv +a +16 → 8 /);
  assert.match(stdout, /head: it is an output of the model/);
  assert.match(stdout, /µs → .* µs a call/);
  assert.match(stdout, /equal decisions on 12 held-out samples/);
  const record = JSON.parse(await readFile(inFolder('out.recipe.json'), 'utf8'));
  assert.equal(record.sha256, await sha256OfFile(output));
  const again = inFolder('again.onnx');
  const words = ['--data', inFolder('data'), '--recipe', inFolder('out.recipe.json'), '-o', again];
  assert.equal((await prune(...words)).code, 0);
  assert.equal(await sha256OfFile(again), record.sha256);
});

test('--json prints one document; with labels it tells accuracy', async () => {
  const words = ['--data', inFolder('labelled'), '--ratio', '0.5', ...settings, '-o', inFolder('json.onnx'), '--json'];
  const result = JSON.parse((await prune(...words)).stdout);
  assert.equal(result.accuracy.windows, 12);
  assert.ok(result.accuracy.accuracy >= 0);
  assert.ok(result.latency.ok);
});

test('--unstructured says what zeros do not do', async () => {
  const words = ['--data', inFolder('data'), '--unstructured', '--ratio', '0.5', ...settings];
  const { code, stdout, stderr } = await prune(...words, '-o', inFolder('zeros.onnx'));
  assert.equal(code, 0, stderr);
  assert.match(stdout, /50\.\d % of the weights are zero/);
  assert.match(stdout, /zeros are multiplied like any number/);
});

for (const [what, words, error] of [
  ['no ratio', [], /--ratio: expected a share above 0 and below 1, got none/],
  ['a ratio of 1', ['--ratio', '1'], /--ratio: expected a share above 0 and below 1, got 1/],
  [
    'a ratio that empties a layer',
    ['--ratio', '0.99'],
    /ratio: expected at most 0\.5[\d.]* of the multiply-adds, got 0.99[\s\S]*--multiple 1/,
  ],
  [
    'both forms',
    ['--ratio', '0.5', '--structured', '--unstructured'],
    /expected --structured or --unstructured, got both/,
  ],
  [
    'a setting of the other form',
    ['--ratio', '0.5', '--unstructured', '--multiple', '4'],
    /--multiple: expected --structured/,
  ],
  [
    'a layer that is not there',
    ['--ratio', '0.5', '--exclude', 'nope'],
    /exclude: expected names of layers, got nope[\s\S]*a, head/,
  ],
] as const)
  test(`${what} is refused with what to do, and nothing is written`, async () => {
    const { code, stderr } = await prune(
      '--data',
      inFolder('data'),
      ...words,
      ...settings,
      '-o',
      inFolder('never.onnx'),
    );
    assert.equal(code, 2);
    assert.match(stderr, error);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('never')),
      [],
    );
  });

test('labels of another shape are refused', async () => {
  const words = ['--data', inFolder('wrong'), '--ratio', '0.5', ...settings, '-o', inFolder('never.onnx')];
  const { code, stderr } = await prune(...words);
  assert.equal(code, 2);
  assert.match(stderr, /y: expected 40 integer class indices, got float32 \[40, 3\]/);
});

test('a setting beside a recipe file is refused', async () => {
  await writeFile(inFolder('own.json'), JSON.stringify({ kind: 'prune', ratio: 0.5 }));
  const words = ['--data', inFolder('data'), '--recipe', inFolder('own.json'), '--ratio', '0.3'];
  const { code, stderr } = await prune(...words, '-o', inFolder('never.onnx'));
  assert.equal(code, 2);
  assert.match(stderr, /--ratio: expected no setting beside --recipe/);
});

test('an interrupt leaves nothing behind', async () => {
  const words = ['--data', inFolder('data'), '--ratio', '0.5', '--steps', '1000000', '-o', inFolder('never.onnx')];
  const { child, ended } = start(inFolder('model.onnx'), ...words);
  // The first line of progress comes when tuning has begun.
  await once(child.stderr, 'data');
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(stderr, /CANCELLED {2}interrupted; nothing was written/);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('never')),
    [],
  );
});
