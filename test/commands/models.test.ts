import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { pullModel } from '../../models/pull.ts';
import { programPath } from '../../runtime/base/children.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import {
  publishedRepository,
  serve,
  storeContents,
  temporaryFolder,
  writeModel,
} from '../models/repository-fixture.ts';

type Finished = { code: number | null; stdout: string; stderr: string };

function start(...words: string[]): ChildProcess {
  return spawn(process.execPath, [programPath(), 'models', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function octetModels(...words: string[]): Promise<Finished> {
  const child = start(...words);
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]!.on('data', (chunk) => {
      texts[stream] += chunk;
    });
  const [code] = await once(child, 'close');
  return { code, ...texts };
}

test('init, add, publish, refresh, verify and pull work from the shell and say what comes next', async (t) => {
  const work = await temporaryFolder(t);
  const [repository, store] = [join(work, 'repository'), join(work, 'store')];
  const model = await writeModel(join(work, 'model'));
  const lines = [
    ['init', repository],
    ['add', repository, model],
    ['publish', repository],
    ['refresh', repository],
    ['verify', repository],
    [
      'pull',
      'vibration',
      '--url',
      pathToFileURL(repository).href,
      '--root',
      join(`${repository}.keys`, '1.root.json'),
      '--store',
      store,
    ],
  ];
  const said: string[] = [];
  for (const line of lines) {
    const { code, stdout, stderr } = await octetModels(...line);
    assert.equal(code, 0, stderr);
    said.push(stdout);
  }
  assert.match(said[0]!, new RegExp(`Next: octet models add ${repository} MODEL_DIR`));
  assert.match(said[2]!, /published vibration 1\.0\.0/);
  assert.match(said[4]!, /timestamp +version 3 .*\nvibration 1\.0\.0 current/);
  const folder = said[5]!.trim().split('\n')[1]!;
  assert.deepEqual(await readFile(join(folder, 'model.onnx')), await readFile(join(model, 'model.onnx')));
});

test('--json prints one document and nothing else on stdout', async (t) => {
  const { folder } = await publishedRepository(t);
  const { code, stdout } = await octetModels('verify', folder, '--json');
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout).models, [{ name: 'vibration', version: '1.0.0', current: true }]);
});

test('a failure ends with its exit code, its message and what to do', async (t) => {
  const folder = await temporaryFolder(t);
  const wrong = await octetModels('publish', join(folder, 'nothing'));
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /FILE_NOT_FOUND .*\n→ Name the folder that octet models init wrote/);
  const badKeys = await octetModels('init', join(folder, 'r'), '--root-keys', '2');
  assert.equal(badKeys.code, 2);
  assert.match(badKeys.stderr, /expected a form like 2\/3/);
  assert.deepEqual(await readdir(folder), []);
});

test('the manifest command prints its JSON Schema', async () => {
  const { code, stdout } = await octetModels('manifest', '--schema');
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).properties.format.const, 1);
});

test('a pull killed in the middle of a download leaves a store that works', async (t) => {
  const { folder, rootFile, work, digest } = await publishedRepository(t);
  const half = Promise.withResolvers<void>();
  const slow = await serve(t, folder, (path, response) => {
    if (!path.endsWith('model.onnx')) return false;
    response.writeHead(200, { 'content-length': 20_000 });
    response.write(Buffer.alloc(10_000, 1), () => half.resolve());
    return true;
  });
  const storeFolder = join(work, 'store');
  const child = start('pull', 'vibration', '--url', slow.url, '--root', rootFile, '--store', storeFolder);
  await half.promise;
  child.kill('SIGKILL');
  await once(child, 'close');
  const left = await storeContents(storeFolder);
  assert.deepEqual(left.models, []);
  assert.equal(left.partial.length, 1, 'the killed process had no chance to clean up');

  const { url } = await serve(t, folder);
  const pulled = await pullModel({ url, rootFile, target: 'vibration', storeFolder, clock: systemClock });
  assert.equal(pulled.origin, 'downloaded');
  assert.deepEqual(await storeContents(storeFolder), { models: [digest], partial: [] });
});
