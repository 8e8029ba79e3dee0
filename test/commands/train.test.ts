/** Training as a user starts it: `octet models train` and `octet quantize --recipe qat`, processes of their own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { programPath } from '../../runtime/base/children.ts';
import { sha256OfFile } from '../../runtime/base/files.ts';
import type { Samples } from '../../runtime/data/samples.ts';
import { float32Npy, int64Npy, zipBytes } from '../runtime/data/npz-writer.ts';
import { images } from '../runtime/train/small-training.ts';

let folder: string;
const inFolder = (...names: string[]) => join(folder, ...names);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-train-test-'));
  await writeNpz('train.npz', images(192));
  await writeNpz('test.npz', images(64, 5000));
  await writeNpz('unlabelled.npz', { ...images(64), labels: undefined });
  const layers = [
    { kind: 'conv', filters: 8 },
    { kind: 'depthwise', stride: 2 },
    { kind: 'conv', filters: 16, kernel: 1 },
    { kind: 'average' },
    { kind: 'dense', units: 4 },
  ];
  await writeFile(inFolder('form.json'), JSON.stringify({ input: [1, 8, 8], layers }));
  const trained = await octet(
    'models',
    'train',
    inFolder('form.json'),
    ...trainWords('model.onnx'),
    '--test',
    inFolder('test.npz'),
    '--json',
  );
  assert.equal(trained.code, 0, trained.stderr);
  report = JSON.parse(trained.stdout);
});

after(() => rm(folder, { recursive: true }));

let report: { accuracy: { right: number; of: number }; loss: { first: number; last: number } };

function trainWords(output: string): string[] {
  const settings = ['--epochs', '20', '--batch-size', '32', '--learning-rate', '0.05'];
  return ['--data', inFolder('train.npz'), '-o', inFolder(output), ...settings];
}

async function writeNpz(name: string, { count, labels, feeds }: Samples): Promise<void> {
  const rows = await Promise.all(
    Array.from({ length: count }, async (_, i) => [...(await feeds(i)).x!.data] as number[]),
  );
  const y = labels ? { 'y.npy': int64Npy(labels) } : {};
  await writeFile(inFolder(name), zipBytes({ 'x.npy': float32Npy([count, 1, 8, 8], rows.flat()), ...y }));
}

async function octet(...words: string[]) {
  const child = spawn(process.execPath, [programPath(), ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, stdout, stderr };
}

test('a form and labelled data become a model that knows what it has not seen', () => {
  const { accuracy, loss } = report;
  assert.ok(loss.last < loss.first / 3);
  assert.ok(accuracy.right / accuracy.of > 0.85, `${accuracy.right} of ${accuracy.of}`);
});

test('the same command gives the same bytes, also through a checkpoint', async () => {
  const { code, stderr } = await octet(
    'models',
    'train',
    inFolder('form.json'),
    ...trainWords('again.onnx'),
    '--checkpoint',
    inFolder('c.safetensors'),
  );
  assert.equal(code, 0, stderr);
  assert.equal(await sha256OfFile(inFolder('again.onnx')), await sha256OfFile(inFolder('model.onnx')));
  const other = await octet(
    'models',
    'train',
    inFolder('form.json'),
    ...trainWords('other.onnx'),
    '--seed',
    '2',
    '--checkpoint',
    inFolder('c.safetensors'),
  );
  assert.equal(other.code, 2);
  assert.match(other.stderr, /CHECKPOINT_INVALID .* of another/);
  assert.equal(existsSync(inFolder('other.onnx')), false);
});

test('an .onnx file is a form, too: its weights are drawn anew', async () => {
  const { code, stderr } = await octet('models', 'train', inFolder('model.onnx'), ...trainWords('redrawn.onnx'));
  assert.equal(code, 0, stderr);
  // The form was declared, trained and saved; drawn anew from the same seed it becomes the same model.
  assert.equal(await sha256OfFile(inFolder('redrawn.onnx')), await sha256OfFile(inFolder('model.onnx')));
});

test('recipe qat trains without labels, writes what runs in int8, and repeats from its recipe file', async () => {
  const data = ['--data', inFolder('unlabelled.npz')];
  const steps = ['--steps', '12', '--layer-steps', '6', '--weight-bits', '4'];
  const first = await octet(
    'quantize',
    inFolder('model.onnx'),
    '--recipe',
    'qat',
    ...data,
    ...steps,
    '-o',
    inFolder('qat.onnx'),
  );
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /QLinearConv/);
  assert.match(first.stdout, /18 steps towards the float model's probabilities in \d+ s: loss .* → /);
  const { recipe } = JSON.parse(await readFile(inFolder('qat.recipe.json'), 'utf8'));
  assert.deepEqual([recipe.kind, recipe.weightBits, recipe.steps, recipe.task], ['qat', 4, 12, 'classify']);
  const again = await octet(
    'quantize',
    inFolder('model.onnx'),
    '--recipe',
    inFolder('qat.recipe.json'),
    ...data,
    '-o',
    inFolder('qat2.onnx'),
  );
  assert.equal(again.code, 0, again.stderr);
  assert.equal(await sha256OfFile(inFolder('qat2.onnx')), await sha256OfFile(inFolder('qat.onnx')));
});

test('what cannot be is said before anything is trained', async () => {
  const quantize = (...words: string[]) =>
    octet('quantize', inFolder('model.onnx'), '-o', inFolder('none.onnx'), ...words);
  for (const [run, message] of [
    [quantize('--recipe', 'qat'), /--data: expected calibration data for recipe qat/],
    [quantize('--steps', '5', '--data', inFolder('train.npz')), /--steps: expected recipe qat, got static/],
    [quantize('--recipe', 'qat', '--weight-bits', '5', '--data', inFolder('train.npz')), /weightBits/],
    [
      octet(
        'models',
        'train',
        inFolder('form.json'),
        '--data',
        inFolder('unlabelled.npz'),
        '-o',
        inFolder('none.onnx'),
      ),
      /--data: expected labels/,
    ],
    [
      octet('models', 'train', inFolder('form.json'), '--data', inFolder('train.npz'), '-o', inFolder('form.json')),
      /--output: expected another file/,
    ],
    [
      octet('models', 'train', inFolder('train.npz'), '--data', inFolder('train.npz'), '-o', inFolder('none.onnx')),
      /MODEL_INVALID/,
    ],
  ] as const) {
    const { code, stderr } = await run;
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
  assert.equal(existsSync(inFolder('none.onnx')), false);
});
