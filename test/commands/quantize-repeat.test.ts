/** The promise of every recipe file: run again on the same data, it gives the same bytes. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Command } from 'commander';
import { quantizeFile } from '../../commands/quantize-file.ts';
import { addQuantizeOptions, type QuantizeOptions } from '../../commands/quantize-options.ts';
import { ints } from '../../runtime/graph/attributes.ts';
import { node } from '../../runtime/graph/build.ts';
import { saveModel } from '../../runtime/graph/save.ts';
import { writeNpy } from '../runtime/quantize/npy.ts';
import { conv, modelFrom, noise } from '../runtime/quantize/small-models.ts';

let folder: string;
const inFolder = (...names: string[]) => join(folder, ...names);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-quantize-repeat-'));
  const nodes = [
    conv('x', 'a'),
    node('Relu', ['a'], ['b'], {}, 'b'),
    node('ConvTranspose', ['b', 't'], ['c'], { strides: ints([2, 2]) }, 'c'),
    conv('c', 'd', 'v'),
    node('GlobalAveragePool', ['d'], ['e'], {}, 'e'),
    node('Flatten', ['e'], ['f'], {}, 'f'),
    node('Gemm', ['f', 'g'], ['y'], {}, 'y'),
  ];
  const weights = { w: noise([8, 4, 3, 3]), t: noise([8, 8, 2, 2], 2), v: noise([8, 8, 3, 3], 3), g: noise([8, 5], 4) };
  await saveModel(modelFrom(nodes, ['n', 4, 8, 8], weights), inFolder('model.onnx'));
  await writeNpy(inFolder('data', 'x.npy'), noise([40, 4, 8, 8]));
});

after(() => rm(folder, { recursive: true }));

/** As the command would, in this process. */
function quantize(...words: string[]) {
  const command = addQuantizeOptions(new Command());
  command.parse([inFolder('model.onnx'), ...words], { from: 'user' });
  const running = { onProgress: () => undefined, signal: new AbortController().signal };
  return quantizeFile(command.args[0]!, command.opts<QuantizeOptions>(), running);
}

const data = () => ['--data', inFolder('data')];

const made: Readonly<Record<string, () => string[]>> = {
  ...Object.fromEntries(
    ['min-max', 'moving-average', 'percentile', 'entropy', 'mse'].map((observer) => [
      `static, ${observer}`,
      () => [...data(), '--observer', observer],
    ]),
  ),
  'static, fewer samples than there are': () => [...data(), '--samples', '7'],
  'static, every accuracy method': () => [
    ...data(),
    ...['--improve', 'equalize', 'absorb-bias', 'mse-weights', 'reconstruct', 'correct-bias'],
  ],
  'static, QOperator, unsigned weights': () => [...data(), '--format', 'qoperator', '--weight', 'uint8'],
  'static, 16 bits, one scale': () => [...data(), '--activation', 'int16', '--no-per-channel'],
  'static, for TensorRT': () => [...data(), '--target', 'tensorrt'],
  'static, the other range': () => [...data(), '--exclude', 'd', '--reduce-range'],
  dynamic: () => ['--recipe', 'dynamic'],
  'weight-only': () => ['--recipe', 'weight-only', '--bits', '4'],
};

for (const [what, words] of Object.entries(made))
  test(`${what}: the recipe beside the result gives the same bytes`, async () => {
    const first = await quantize(...words(), '-o', inFolder('first.onnx'));
    const again = await quantize(
      ...['--recipe', first.recipePath, ...(first.calibration ? data() : [])],
      ...['-o', inFolder('again.onnx')],
    );
    assert.equal(again.sha256, first.sha256);
    assert.deepEqual(await readFile(again.recipePath, 'utf8'), await readFile(first.recipePath, 'utf8'));
  });

test('several recipes after rewrites, as auto writes them, give the same bytes', async () => {
  const recipe = {
    kind: 'composed',
    rewrites: ['sub-pixel', 'conv-2d'],
    parts: [{ kind: 'static', observer: 'mse', exclude: ['y'] }, { kind: 'dynamic' }],
    samples: 9,
  };
  await writeFile(inFolder('composed.json'), JSON.stringify(recipe));
  const first = await quantize('--recipe', inFolder('composed.json'), ...data(), '-o', inFolder('first.onnx'));
  const again = await quantize('--recipe', first.recipePath, ...data(), '-o', inFolder('again.onnx'));
  assert.equal(again.sha256, first.sha256);
  assert.equal(first.outcomes.find(({ opType }) => opType === 'DepthToSpace')?.kernel, 'DepthToSpace');
});
