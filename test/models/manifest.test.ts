import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundledFolder, bundledModels, bundledRecordings } from '../../models/bundled.ts';
import { fillDigests } from '../../models/fill-digests.ts';
import { manifestJsonSchema, parseManifest, readManifest, verifyModelFolder } from '../../models/manifest.ts';
import { sha256Of } from '../../runtime/base/files.ts';
import { draftManifest, temporaryFolder, writeModel } from './repository-fixture.ts';

test('a manifest gives ready paths, the pipeline, the task and the budget with its defaults', async (t) => {
  const folder = await writeModel(await temporaryFolder(t));
  const read = await readManifest(folder);
  assert.equal(read.modelPath, join(folder, 'model.onnx'));
  assert.equal(read.featuresPath, join(folder, 'features.onnx'));
  assert.deepEqual(read.pipeline, draftManifest.pipeline);
  assert.deepEqual(read.task, draftManifest.task);
  assert.deepEqual(read.budget, { maxDrop: 0.01, maxDisagreement: 0.02 });
});

test('every problem of a manifest is named with its path, what was expected and what was there', () => {
  const broken = { ...draftManifest, name: 'Über', version: '1.0', license: undefined, surprise: 1 };
  assert.throws(
    () => parseManifest(JSON.stringify(broken), 'here'),
    (error: Error) => {
      for (const problem of [
        /^manifest here: /,
        /name: expected 1 to 63 of a-z 0-9 -, got "Über"/,
        /version: .* got "1.0"/,
        /license: /,
        /model.sha256: /,
        /surprise/,
      ])
        assert.match(error.message, problem);
      return true;
    },
  );
});

for (const file of [
  '../model.onnx',
  '/etc/model.onnx',
  'sub/model.onnx',
  '.hidden.onnx',
  'manifest.json',
  'a\\b.onnx',
  'a\n.onnx',
])
  test(`a file called ${JSON.stringify(file)} is refused: it could leave the folder or hide in it`, async (t) => {
    const folder = await writeModel(await temporaryFolder(t));
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
    manifest.model.file = file;
    assert.throws(() => parseManifest(JSON.stringify(manifest), 'here'), {
      code: 'MANIFEST_INVALID',
      message: /model\.file/,
    });
  });

test('one file cannot be model and features at once', async (t) => {
  const folder = await writeModel(await temporaryFolder(t));
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  manifest.features = manifest.model;
  assert.throws(() => parseManifest(JSON.stringify(manifest), 'here'), {
    message: /features\.file: expected another file/,
  });
});

test('files that differ from their digest or size are named together, with the command that repairs it', async (t) => {
  const folder = await writeModel(await temporaryFolder(t));
  await verifyModelFolder(folder);
  const other = Buffer.alloc(20_000, 7);
  await writeFile(join(folder, 'model.onnx'), other);
  await writeFile(join(folder, 'features.onnx'), 'short');
  await assert.rejects(verifyModelFolder(folder), {
    code: 'MANIFEST_INVALID',
    message: new RegExp(
      `model.onnx: expected SHA-256 .*, got ${sha256Of(other)}; features.onnx: expected 500 bytes, got 5`,
    ),
    hint: `If the files are the ones you mean, write their digests into the manifest: octet models manifest ${folder}`,
  });
  await fillDigests(folder);
  await verifyModelFolder(folder);
});

test('a folder without a manifest, or without a file it names, is not found', async (t) => {
  const folder = await writeModel(await temporaryFolder(t));
  await rm(join(folder, 'features.onnx'));
  await assert.rejects(verifyModelFolder(folder), { code: 'FILE_NOT_FOUND', message: /features\.onnx/ });
  await rm(join(folder, 'manifest.json'));
  await assert.rejects(readManifest(folder), { code: 'FILE_NOT_FOUND', message: /manifest\.json/ });
});

test('filling in digests leaves a manifest with other faults unchanged', async (t) => {
  const folder = await writeModel(await temporaryFolder(t));
  const text = JSON.stringify({ ...draftManifest, version: 'one' });
  await writeFile(join(folder, 'manifest.json'), text);
  await assert.rejects(fillDigests(folder), { code: 'MANIFEST_INVALID', message: /version/ });
  assert.equal(await readFile(join(folder, 'manifest.json'), 'utf8'), text);
});

test('the published JSON Schema describes each field and closes the object', () => {
  const schema = manifestJsonSchema() as {
    additionalProperties: boolean;
    required: string[];
    properties: Record<string, object>;
  };
  assert.equal(schema.additionalProperties, false);
  assert.ok(schema.required.includes('model') && !schema.required.includes('budget'), 'defaults are not required');
  assert.deepEqual(Object.keys(schema.properties).slice(0, 3), ['format', 'name', 'version']);
});

for (const name of bundledModels)
  test(`the bundled ${name} is what its manifest says, and its recordings fit its pipeline`, async () => {
    const folder = bundledFolder(name);
    const { manifest, pipeline, task } = await verifyModelFolder(folder);
    assert.equal(manifest.name, name);
    const { labels } = JSON.parse(await readFile(join(folder, 'labels.json'), 'utf8'));
    assert.deepEqual(task, { kind: 'classify', labels });
    const recording = JSON.parse(
      await readFile(join(bundledRecordings(name), 'p01-pendulum-left', 'recording.json'), 'utf8'),
    );
    assert.deepEqual(pipeline.channels, recording.channels);
    assert.equal(pipeline.rateHz, recording.rateHz);
    assert.deepEqual(manifest.input.dims, [1, pipeline.channels.length, pipeline.window.samples]);
  });

test('a bundled model that does not exist is refused with those that do', () => {
  assert.throws(() => bundledFolder('nothing'), { code: 'TARGET_NOT_FOUND', message: /watch-exercise/ });
});
