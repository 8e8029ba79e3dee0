/** The library as a program of somebody else's uses it: a project of its own, in a process of its own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { programRoot } from '../../../../runtime/base/files.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { saveModel } from '../../../../runtime/graph/save.ts';
import { type Calibration, calibrate, type Feeds, inspect, quantize } from '../../../../runtime/index.ts';
import { conv, modelFrom, noise } from '../small-models.ts';

let folder: string;
let model: string;
const samples: Feeds[] = Array.from({ length: 8 }, (_, seed) => ({ x: noise([1, 4, 8, 8], seed + 1) }));

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-library-'));
  model = join(folder, 'model.onnx');
  const nodes = [conv('x', 'a', 'w', 'first'), node('Relu', ['a'], ['r'], {}, 'relu'), conv('r', 'y', 'w', 'second')];
  await saveModel(modelFrom(nodes, ['n', 4, 8, 8], { w: noise([4, 4, 3, 3]) }), model);
});

after(() => rm(folder, { recursive: true }));

/** The program of the documents, with data made up on the spot. */
const program = `
import { writeFile, readFile } from 'node:fs/promises';
import { calibrate, inspect, quantize, type CustomObserver } from '${join(programRoot(), 'runtime/index.ts')}';

const [model] = process.argv.slice(2);
const data = Array.from({ length: 8 }, (_, seed) => ({
  x: { type: 'float32' as const, dims: [1, 4, 8, 8], data: Float32Array.from({ length: 256 }, (_, i) => Math.sin(i * (seed + 1))) },
}));
const half: CustomObserver = {
  name: 'half',
  create() {
    let most = 0;
    return {
      add(values) { for (const value of values) most = Math.max(most, Math.abs(value)); },
      range: () => ({ min: -most / 2, max: most / 2 }),
    };
  },
};
const calibration = await calibrate(model!, data, { observer: half });
await writeFile('calibration.json', JSON.stringify(calibration));
const stored = JSON.parse(await readFile('calibration.json', 'utf8'));
const result = await quantize(model!, { recipe: { kind: 'static', activation: 'uint8' }, calibration: stored, output: 'int8.onnx' });
const { layers, finding } = await inspect(model!, { quantized: 'int8.onnx', data });
console.log(JSON.stringify({ ranges: calibration.ranges, ok: result.ok, layers, finding }));
`;

test('a program with an observer of its own calibrates, quantises, and sees what that did', async () => {
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'program.ts'), program);
  const { stdout, stderr } = spawnSync(process.execPath, ['program.ts', 'model.onnx'], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  const { ranges, ok, layers, finding } = JSON.parse(stdout);
  assert.equal(ok, true);
  assert.ok(Math.abs(ranges.x.max - 0.5) < 0.001, 'half of the largest sine');
  // Half the range cuts a sine off two thirds of the time: |sin| > 1/2.
  assert.ok(Math.abs(layers[0].saturation - 2 / 3) < 0.05);
  assert.match(finding.sentence, /input "x".*cut off/);
});

test('ranges found before give the same bytes as the data they were found on', async () => {
  const calibration = await calibrate(model, samples);
  const [fromRanges, fromData] = [await quantize(model, { calibration }), await quantize(model, { data: samples })];
  assert.ok(fromRanges.ok && fromData.ok);
  assert.deepEqual(fromRanges.bytes, fromData.bytes);
});

test('the recipe comes back with its defaults, and lies beside what was written', async () => {
  const output = join(folder, 'out.onnx');
  const { recipe, ok } = await quantize(model, {
    recipe: { kind: 'static', exclude: ['second'] },
    data: samples,
    output,
  });
  assert.equal(ok, true);
  assert.deepEqual([recipe.kind, recipe.exclude], ['static', ['second']]);
  const record = JSON.parse(await readFile(join(folder, 'out.recipe.json'), 'utf8'));
  assert.deepEqual(record.recipe, JSON.parse(JSON.stringify(recipe)));
  assert.equal(record.calibration.samples, 8);
});

test('a calibration of another model is refused, and nothing is written', async () => {
  const calibration: Calibration = { ...(await calibrate(model, samples)), modelSha256: '0'.repeat(64) };
  const output = join(folder, 'never.onnx');
  await assert.rejects(quantize(model, { calibration, output }), { code: 'DATA_MISMATCH' });
  assert.equal(existsSync(output), false);
});

test('a static recipe without data, and a recipe with a wrong word, say what they want', async () => {
  await assert.rejects(quantize(model), { code: 'USAGE' });
  const calibration = await calibrate(model, samples);
  await assert.rejects(quantize(model, { recipe: { kind: 'static', biasCorrection: true }, calibration }), {
    code: 'USAGE',
  });
  const wrong = { kind: 'static', observer: 'average' } as unknown as { kind: 'static' };
  await assert.rejects(quantize(model, { recipe: wrong, data: samples }), {
    code: 'RECIPE_INVALID',
    message: /observer/,
  });
});

test('one model is described without any data', async () => {
  const { nodes, parameters } = await inspect(model);
  assert.equal(parameters, 144);
  assert.deepEqual(nodes[0]?.output, [1, 4, 8, 8]);
});

test('channels that the recipe rescaled on purpose do not count as errors', async () => {
  const uneven = join(folder, 'uneven.onnx');
  const quantized = join(folder, 'even.onnx');
  const wide = noise([4, 4, 3, 3]);
  // The second output channel is a hundred times the others.
  const data = wide.data.map((value, i) => (Math.floor(i / 36) === 1 ? 100 * value : value));
  const nodes = [conv('x', 'a', 'v', 'first'), node('Relu', ['a'], ['r'], {}, 'relu'), conv('r', 'y', 'w', 'second')];
  await saveModel(modelFrom(nodes, [1, 4, 8, 8], { v: { ...wide, data }, w: noise([4, 4, 3, 3], 2) }), uneven);
  const recipe = { kind: 'static', perChannel: false, equalize: true } as const;
  await quantize(uneven, { recipe, data: samples, output: quantized });
  const layerOf = async (rescaled?: boolean) =>
    (await inspect(uneven, { quantized, data: samples, ...(rescaled === undefined ? {} : { rescaled }) })).layers[1]!;
  const [told, untold] = [await layerOf(), await layerOf(false)];
  assert.equal(told.tensor, 'r');
  assert.ok(told.sqnrDb > 25, `${told.sqnrDb}`);
  assert.ok(untold.sqnrDb < told.sqnrDb - 10, `${untold.sqnrDb}`);
});
