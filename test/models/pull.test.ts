import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { readManifest } from '../../models/manifest.ts';
import { type PullProgress, type PullRequest, pullModel } from '../../models/pull.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { clockAt, publishedRepository, serve, storeContents } from './repository-fixture.ts';

/** A repository, a server for it, and a request to pull `vibration` into an empty store. */
async function scene(t: TestContext, misbehave?: Parameters<typeof serve>[2]) {
  const repository = await publishedRepository(t);
  const server = await serve(t, repository.folder, misbehave);
  const storeFolder = join(repository.work, 'store');
  const request: PullRequest = {
    url: server.url,
    rootFile: repository.rootFile,
    target: 'vibration',
    storeFolder,
    clock: systemClock,
  };
  return { repository, server, storeFolder, request };
}

test('a published model arrives with its manifest and features, byte for byte', async (t) => {
  const { repository, request } = await scene(t);
  const pulled = await pullModel(request);
  assert.equal(pulled.origin, 'downloaded');
  assert.equal(pulled.digest, repository.digest);
  const source = join(repository.work, 'models', 'vibration-1.0.0');
  for (const file of ['manifest.json', 'model.onnx', 'features.onnx'])
    assert.deepEqual(await readFile(join(pulled.folder, file)), await readFile(join(source, file)));
  assert.equal((await readManifest(pulled.folder)).version, '1.0.0');
});

test('progress counts up to the size of all files of the model', async (t) => {
  const { request } = await scene(t);
  const seen: PullProgress[] = [];
  await pullModel({ ...request, onProgress: (progress) => seen.push(progress) });
  assert.deepEqual(seen.at(-1), { receivedBytes: 20_500, totalBytes: 20_500 });
  assert.ok(seen.every(({ receivedBytes }, index) => index === 0 || receivedBytes > seen[index - 1]!.receivedBytes));
});

test('a second pull finds the model in the store and downloads no target', async (t) => {
  const { request, server } = await scene(t);
  const first = await pullModel(request);
  server.requests.length = 0;
  assert.deepEqual(await pullModel(request), { ...first, origin: 'present' });
  assert.deepEqual(server.requests, ['/metadata/2.root.json', '/metadata/timestamp.json']);
});

test('without network a model pulled before is answered from the store, an unknown one is not', async (t) => {
  const { request, server, storeFolder } = await scene(t);
  const first = await pullModel(request);
  await server.stop();
  assert.deepEqual(await pullModel(request), { ...first, origin: 'offline' });
  await assert.rejects(pullModel({ ...request, storeFolder: `${storeFolder}2` }), { code: 'REPOSITORY_UNREACHABLE' });
  assert.deepEqual(await storeContents(`${storeFolder}2`), { models: [], partial: [] });
});

test('a repository on a memory stick is pulled from like one on a server', async (t) => {
  const { repository, request } = await scene(t);
  const { digest } = await pullModel({ ...request, url: pathToFileURL(repository.folder).href });
  assert.equal(digest, repository.digest);
});

test('the name means the newest version, name@version an exact one', async (t) => {
  const { repository, request } = await scene(t);
  await repository.publish({ version: '1.10.0', fill: 2 });
  await repository.publish({ version: '1.9.0', fill: 3 });
  assert.equal((await pullModel(request)).version, '1.10.0');
  assert.equal((await pullModel({ ...request, target: 'vibration@1.9.0' })).version, '1.9.0');
});

test('a model that is not there is refused with the names that are', async (t) => {
  const { repository, request } = await scene(t);
  await repository.publish({ name: 'doorbell', version: '2.0.0' });
  await assert.rejects(pullModel({ ...request, target: 'vibrations' }), {
    code: 'TARGET_NOT_FOUND',
    message: 'expected the repository to have vibrations, got one that has doorbell 2.0.0, vibration 1.0.0',
  });
});

test('a target that is no name is refused before anything is asked', async (t) => {
  const { request, server } = await scene(t);
  await assert.rejects(pullModel({ ...request, target: '../keys' }), { code: 'USAGE' });
  assert.deepEqual(server.requests, []);
});

test('a damaged model in the store is fetched again', async (t) => {
  const { request } = await scene(t);
  const { folder } = await pullModel(request);
  await truncate(join(folder, 'model.onnx'), 100);
  assert.equal((await pullModel(request)).origin, 'downloaded');
  assert.equal((await stat(join(folder, 'model.onnx'))).size, 20_000);
});

test('two slots may pull the same model at once', async (t) => {
  const { request, storeFolder, repository } = await scene(t);
  const [a, b] = await Promise.all([pullModel(request), pullModel(request)]);
  assert.equal(a.folder, b.folder);
  assert.deepEqual(await storeContents(storeFolder), { models: [repository.digest], partial: [] });
});

test('a pull that is overtaken by another leaves alone what that one has stored', async (t) => {
  const { repository, request, storeFolder } = await scene(t);
  const variant = join(storeFolder, repository.digest, 'variants', 'a.onnx');
  const slow = await serve(t, repository.folder, (path, response) => {
    if (!path.endsWith('model.onnx')) return false;
    const overtake = async () => {
      await pullModel(request);
      await mkdir(dirname(variant));
      await writeFile(variant, 'in use');
      response.end(Buffer.alloc(20_000, 1));
    };
    overtake().catch((error) => response.destroy(error));
    return true;
  });
  assert.equal((await pullModel({ ...request, url: slow.url })).digest, repository.digest);
  assert.equal(await readFile(variant, 'utf8'), 'in use');
});

test('remembered metadata that a power cut left half-written is fetched again', async (t) => {
  const { request, storeFolder } = await scene(t);
  await pullModel(request);
  const remembered = globSync(join(storeFolder, 'trusted', '*', '*.json'));
  assert.equal(remembered.length, 4);
  for (const path of remembered) await truncate(path, 20);
  assert.equal((await pullModel(request)).origin, 'present');
});

test('a pinned root that is no root is refused by its path', async (t) => {
  const { request, repository } = await scene(t);
  const rootFile = join(repository.work, 'root.json');
  await writeFile(rootFile, '<html>');
  await assert.rejects(pullModel({ ...request, rootFile }), { code: 'REPOSITORY_INVALID', message: /root\.json/ });
});

test('signatures are judged by the clock that was passed in', async (t) => {
  const clock = clockAt('2030-01-01T00:00:00Z');
  const repository = await publishedRepository(t, clock);
  const url = pathToFileURL(repository.folder).href;
  const request = {
    url,
    rootFile: repository.rootFile,
    target: 'vibration',
    storeFolder: join(repository.work, 's'),
    clock,
  };
  await pullModel(request);
  clock.advanceDays(29);
  await pullModel(request);
  clock.advanceDays(2);
  await assert.rejects(pullModel(request), {
    code: 'SIGNATURE_INVALID',
    message: /expired/,
    hint: /octet models refresh/,
  });
});

test('a pull tells which signature ends first, also when the repository does not answer', async (t) => {
  const clock = clockAt('2030-01-01T00:00:00Z');
  const repository = await publishedRepository(t, clock);
  const server = await serve(t, repository.folder);
  const storeFolder = join(repository.work, 'store');
  const request = { url: server.url, rootFile: repository.rootFile, target: 'vibration', storeFolder, clock };
  const validUntil = { role: 'timestamp', ms: Date.parse('2030-01-31T00:00:00Z') };
  assert.deepEqual((await pullModel(request)).validUntil, validUntil);
  await server.stop();
  assert.deepEqual((await pullModel(request)).validUntil, validUntil);
});
