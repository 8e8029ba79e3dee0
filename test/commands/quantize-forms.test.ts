/** Forms of recipes on the command line, as a user starts it: a process of its own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { programPath } from '../../runtime/base/children.ts';
import { node } from '../../runtime/graph/build.ts';
import { loadModel } from '../../runtime/graph/load.ts';
import { saveModel } from '../../runtime/graph/save.ts';
import { writeNpy } from '../runtime/quantize/npy.ts';
import { conv, modelFrom, noise } from '../runtime/quantize/small-models.ts';

let folder: string;
const inFolder = (...names: string[]) => join(folder, ...names);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-quantize-forms-'));
  await saveModel(
    modelFrom([conv('x', 'a'), conv('a', 'y')], ['n', 4, 8, 8], { w: noise([4, 4, 3, 3]) }),
    inFolder('conv.onnx'),
  );
  const product = node('MatMul', ['x', 'w'], ['y'], {}, 'product');
  await saveModel(modelFrom([product], ['n', 64], { w: noise([64, 8]) }), inFolder('matmul.onnx'));
  await writeNpy(inFolder('data', 'x.npy'), noise([20, 4, 8, 8]));
});

after(() => rm(folder, { recursive: true }));

function quantize(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [programPath(), 'quantize', ...words], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

async function operatorsOf(path: string): Promise<string[]> {
  return (await loadModel(path)).graph.nodes.map(({ opType }) => opType);
}

type Schema = { oneOf?: readonly Schema[]; properties?: { kind: { const: string } } };

function kindsIn({ oneOf = [], properties }: Schema): string[] {
  return [...(properties ? [properties.kind.const] : []), ...oneOf.flatMap(kindsIn)];
}

test('docs/recipe.schema.json is what --recipe-schema prints', async () => {
  const published = join(import.meta.dirname, '..', '..', 'docs', 'recipe.schema.json');
  const isSame = (await readFile(published, 'utf8')) === quantize('--recipe-schema').stdout;
  assert.ok(isSame, 'outdated: ./octet quantize --recipe-schema > docs/recipe.schema.json');
});

test('--recipe-schema prints the JSON Schema of recipe files, without a model', () => {
  const { status, stdout } = quantize('--recipe-schema');
  assert.equal(status, 0);
  assert.deepEqual(kindsIn(JSON.parse(stdout)).sort(), ['composed', 'dynamic', 'qat', 'static', 'weight-only']);
});

test('--format qoperator writes the integer operators', async () => {
  const output = inFolder('operators.onnx');
  const { status } = quantize(inFolder('conv.onnx'), '--data', inFolder('data'), '-o', output, '--format', 'qoperator');
  assert.equal(status, 0);
  assert.deepEqual(await operatorsOf(output), ['QuantizeLinear', 'QLinearConv', 'QLinearConv', 'DequantizeLinear']);
});

test('--recipe weight-only packs a matrix, without data', async () => {
  const output = inFolder('packed.onnx');
  const words = ['--recipe', 'weight-only', '--bits', '8', '--block-size', '16'];
  const { status, stdout } = quantize(inFolder('matmul.onnx'), '-o', output, ...words);
  assert.equal(status, 0);
  assert.match(stdout, /MatMulNBits +1 MatMul/);
  assert.deepEqual(await operatorsOf(output), ['MatMulNBits']);
});

test('a recipe file can treat nodes their own way', async () => {
  const recipe = inFolder('mine.json');
  await writeFile(recipe, JSON.stringify({ kind: 'static', overrides: [{ nodes: 'a', exclude: true }] }));
  const output = inFolder('mine.onnx');
  const { status, stdout } = quantize(
    inFolder('conv.onnx'),
    '--data',
    inFolder('data'),
    '-o',
    output,
    '--recipe',
    recipe,
  );
  assert.equal(status, 0);
  assert.match(stdout, /Conv "a": the recipe excludes it/);
  const record = JSON.parse(await readFile(inFolder('mine.recipe.json'), 'utf8'));
  assert.deepEqual(record.recipe.overrides, [{ nodes: 'a', exclude: true }]);
});

test('a recipe file with a wrong setting, or with a pattern that fits no node, is refused by name', async () => {
  for (const [overrides, said] of [
    [[{ nodes: 'a', bits: 3 }], /overrides\.0\.bits/],
    [[{ nodes: 'b*', exclude: true }], /expected names of nodes, got b\*/],
  ] as const) {
    const recipe = inFolder('wrong.json');
    await writeFile(recipe, JSON.stringify({ kind: 'static', overrides }));
    const words = ['--data', inFolder('data'), '-o', inFolder('wrong.onnx'), '--recipe', recipe];
    const { status, stderr } = quantize(inFolder('conv.onnx'), ...words);
    assert.equal(status, 2);
    assert.match(stderr, said);
  }
});

test('a setting that the kind of recipe does not have is refused', () => {
  const { status, stderr } = quantize(
    inFolder('matmul.onnx'),
    '-o',
    inFolder('no.onnx'),
    '--recipe',
    'dynamic',
    '--bits',
    '4',
  );
  assert.equal(status, 2);
  assert.match(stderr, /--bits: expected a recipe that has this setting, got dynamic/);
});
