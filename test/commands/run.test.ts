import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { RunSummary } from '../../commands/run-tally.ts';
import { measureFile } from '../../models/manifest.ts';
import { programRoot } from '../../runtime/base/files.ts';
import { pipeline, recordSign, saveSignModel, task } from '../runtime/infer/small-runner.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A model folder, and a folder of two recordings: 49 windows to get right and 24 whose labels are wrong. */
async function prepare(context: TestContext): Promise<{ folder: string; model: string; recordings: string }> {
  const folder = await temporaryFolder(context);
  const recordings = join(folder, 'recordings');
  await recordSign(recordings, 'r1', 100, 1);
  await recordSign(recordings, 'r2', 50, 1);
  const description = join(recordings, 'r2', 'recording.json');
  await writeFile(description, (await readFile(description, 'utf8')).replace('positive', 'negative'));
  const path = await saveSignModel(folder);
  await writeManifest(folder, path);
  return { folder, model: folder, recordings };
}

async function writeManifest(folder: string, path: string): Promise<void> {
  const manifest = {
    format: 1,
    name: 'sign',
    version: '1.0.0',
    description: 'Tells the sign of its samples.',
    license: 'Apache-2.0',
    model: { file: 'sign.onnx', ...(await measureFile(path)) },
    input: { name: 'x', dims: [1, 4, 2] },
    pipeline,
    task,
    provenance: { data: 'none' },
  };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
}

function start(context: TestContext, words: readonly string[]): ChildProcess & { text: { out: string; err: string } } {
  const child = spawn(process.execPath, [join(programRoot(), 'cli.ts'), 'run', ...words]);
  context.after(() => child.kill('SIGKILL'));
  const text = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text.out += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    text.err += chunk;
  });
  return Object.assign(child, { text });
}

async function run(context: TestContext, words: readonly string[]) {
  const child = start(context, words);
  const [code] = await once(child, 'close');
  return { code, ...child.text };
}

describe('octet run', () => {
  it('decides every window of the recordings and prints one JSON document', async (context) => {
    const { folder, model, recordings } = await prepare(context);
    const path = join(folder, 'decisions.jsonl');
    const words = [model, '--source', recordings, '--speed', '0', '--sink', `file:${path}`, '--json'];
    const { code, out, err } = await run(context, words);
    assert.equal(code, 0, err);
    const { decisions, labelled, correct, accuracy, problems } = JSON.parse(out) as RunSummary;
    assert.deepEqual(
      { decisions, labelled, correct, accuracy, problems },
      { decisions: 73, labelled: 73, correct: 49, accuracy: 49 / 73, problems: [] },
    );
    assert.equal((await readFile(path, 'utf8')).trimEnd().split('\n').length, 73);
  });

  it('shows a line per decision with the accuracy so far', async (context) => {
    const { model, recordings } = await prepare(context);
    const { out } = await run(context, [model, '--source', recordings, '--speed', '0']);
    const lines = out.trimEnd().split('\n');
    assert.equal(lines.length, 73 + 1);
    assert.match(lines[0] ?? '', /positive +1\.000 .* 100\.0 % of 1 +right/);
    assert.match(lines[72] ?? '', /67\.1 % of 73 +wrong, was negative/);
    assert.match(lines[73] ?? '', /^73 decisions, right in 67\.1 % of 73 labelled; latency p50/);
  });

  it('sums up when it is interrupted', async (context) => {
    const { model } = await prepare(context);
    const source = `command:while sleep 0.01; do echo '[1,1]'; done`;
    const child = start(context, [model, '--source', source]);
    await waitUntil('a decision is shown', () => child.text.out.includes('positive'));
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    assert.equal(code, 0, child.text.err);
    assert.match(child.text.out, /\n\d+ decisions; latency p50 .*\n$/);
  });

  const refused: readonly (readonly [
    what: string,
    words: (p: { model: string; recordings: string; folder: string }) => string[],
    code: number,
    says: RegExp,
  ])[] = [
    [
      'a source that is not there',
      ({ model, folder }) => [model, '--source', join(folder, 'none')],
      2,
      /FILE_NOT_FOUND/,
    ],
    [
      'a folder without a manifest',
      ({ recordings }) => [recordings, '--source', recordings],
      2,
      /FILE_NOT_FOUND.*manifest/,
    ],
    [
      'a model file in place of its folder',
      ({ model, recordings }) => [join(model, 'manifest.json'), '--source', recordings],
      2,
      /FILE_NOT_FOUND.*expected a folder at .*manifest\.json, got a file/,
    ],
    [
      'a negative speed',
      ({ model, recordings }) => [model, '--source', recordings, '--speed', '-1'],
      2,
      /number from 0 up/,
    ],
    [
      'an unknown sink',
      ({ model, recordings }) => [model, '--source', recordings, '--sink', 'mail:me'],
      2,
      /file:PATH/,
    ],
    ['no source', ({ model }) => [model], 2, /--source/],
  ];
  for (const [what, words, code, says] of refused) {
    it(`refuses ${what} and says what it expected`, async (context) => {
      const result = await run(context, words(await prepare(context)));
      assert.equal(result.code, code);
      assert.match(result.err, says);
    });
  }
});
