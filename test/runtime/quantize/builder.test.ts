/** With a real child process each time: the builder exists to be one. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { OctetError } from '../../../runtime/base/errors.ts';
import { sha256OfFile } from '../../../runtime/base/files.ts';
import { node } from '../../../runtime/graph/build.ts';
import { saveModel } from '../../../runtime/graph/save.ts';
import { buildVariants } from '../../../runtime/quantize/builder.ts';
import type { BuilderEvent, BuildRequest } from '../../../runtime/quantize/messages.ts';
import { recipeSchema } from '../../../runtime/quantize/recipe.ts';
import { writeNpy } from './npy.ts';
import { conv, modelFrom, noise } from './small-models.ts';

let folder: string;
let request: Omit<BuildRequest, 'kind'>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-builder-test-'));
  const nodes = [conv('x', 'a'), node('Relu', ['a'], ['y'], {}, 'relu')];
  await saveModel(modelFrom(nodes, ['n', 4, 8, 8], { w: noise([4, 4, 3, 3]) }), join(folder, 'model.onnx'));
  await writeNpy(join(folder, 'data', 'x.npy'), noise([40, 4, 8, 8]));
  request = {
    modelPath: join(folder, 'model.onnx'),
    task: { kind: 'regress' },
    data: [join(folder, 'data')],
    outFolder: join(folder, 'variants'),
    recipes: [
      recipeSchema.parse({ kind: 'static', name: 'u8' }),
      recipeSchema.parse({ kind: 'static', name: 's8', activation: 'int8', observer: 'mse' }),
      recipeSchema.parse({ kind: 'dynamic' }),
    ],
    maxSamples: 16,
  };
});

after(() => rm(folder, { recursive: true }));

test('each recipe becomes a variant named by its digest with its recipe beside it, or is skipped with a reason', async () => {
  const events: BuilderEvent[] = [];
  const built = await buildVariants(request, { onEvent: (event) => events.push(event) });
  assert.deepEqual(
    built.map(({ name }) => name),
    ['u8', 's8'],
  );
  for (const { path, sha256, recipe, outcomes } of built) {
    assert.equal(path, join(request.outFolder, `${sha256}.onnx`));
    assert.equal(await sha256OfFile(path), sha256);
    const record = JSON.parse(await readFile(path.replace(/onnx$/, 'recipe.json'), 'utf8'));
    assert.deepEqual([record.recipe, record.sha256], [recipe, sha256]);
    // 28 of 40 samples are not held out, 16 of them are wanted.
    assert.equal(record.calibration.samples, 16);
    assert.deepEqual(
      outcomes.map(({ kernel }) => kernel),
      ['QLinearConv', 'QLinearConv'],
    );
  }
  const skipped = events.filter((event) => event.kind === 'skipped');
  assert.deepEqual(
    skipped.map(({ name }) => name),
    ['dynamic'],
  );
  assert.equal(events.at(-1)?.kind, 'done');
});

test('building again gives the same digests', async () => {
  const digests = async () => (await buildVariants(request)).map(({ sha256 }) => sha256);
  assert.deepEqual(await digests(), await digests());
});

test('what goes wrong in the builder is thrown here with its code and hint', async () => {
  const wrong = { ...request, modelPath: join(folder, 'no-such.onnx') };
  await assert.rejects(buildVariants(wrong), (error: OctetError) => {
    assert.equal(error.code, 'FILE_NOT_FOUND');
    assert.ok(error.hint);
    return true;
  });
});

test('a builder that is killed is an error of its own, and writes nothing', async () => {
  const outFolder = join(folder, 'killed');
  const earlier = childrenOf(process.pid);
  const building = buildVariants({ ...request, outFolder });
  // The child is forked before `buildVariants` first waits.
  const [pid] = childrenOf(process.pid).filter((child) => !earlier.includes(child));
  process.kill(pid!, 'SIGKILL');
  await assert.rejects(building, (error: OctetError) => error.code === 'CHILD_FAILED' && /SIGKILL/.test(error.message));
  assert.throws(() => readdirSync(outFolder), /ENOENT/);
});

test('aborting ends the builder and throws the reason of the signal', async () => {
  const controller = new AbortController();
  const building = buildVariants(request, { signal: controller.signal });
  controller.abort(new OctetError('CANCELLED', 'not needed any more'));
  await assert.rejects(building, (error: OctetError) => error.code === 'CANCELLED');
});

test('a builder that says nothing for too long is given up', async () => {
  await assert.rejects(buildVariants(request, { silenceMs: 1 }), (error: OctetError) => error.code === 'CHILD_TIMEOUT');
});

test('starting a builder does not load ONNX Runtime into this process', () => {
  const seen = importsOf(join(import.meta.dirname, '../../../runtime/quantize/builder.ts'), new Set());
  assert.deepEqual(
    [...seen].filter((path) => path.includes('/engine/')),
    [],
  );
});

function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return list === '' ? [] : list.split(' ').map(Number);
}

/** Every source file that loading this one loads; imports of types alone load nothing. */
function importsOf(path: string, seen: Set<string>): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const [, isType, target] of readFileSync(path, 'utf8').matchAll(/^import (type )?[^;]*?from '(\.[^']+)'/gm))
    if (!isType && target) importsOf(join(path, '..', target), seen);
  return seen;
}
