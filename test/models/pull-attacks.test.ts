/** Every way a server, or somebody in between, can lie (TUF §1.5.2): refused with the reason, and the store is as it was. */
import assert from 'node:assert/strict';
import { cp, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { TargetFile } from '@tufjs/models';
import { pullModel } from '../../models/pull.ts';
import { openRepository } from '../../models/repository/open.ts';
import { planRelease, writeRelease } from '../../models/repository/release.ts';
import { verifyRepository } from '../../models/repository/verify.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { type Misbehaviour, publishedRepository, serve, storeContents } from './repository-fixture.ts';

/** Pulls from a repository whose server misbehaves; asserts that nothing reached the store. */
async function refused(
  t: TestContext,
  misbehave: Misbehaviour,
  expected: { code: string; message?: RegExp },
): Promise<void> {
  const repository = await publishedRepository(t);
  const { url } = await serve(t, repository.folder, misbehave);
  const storeFolder = join(repository.work, 'store');
  const { rootFile } = repository;
  await assert.rejects(
    pullModel({ url, rootFile, target: 'vibration', storeFolder, clock: systemClock, idleTimeoutMs: 1_000 }),
    expected,
  );
  assert.deepEqual(await storeContents(storeFolder), { models: [], partial: [] });
}

/** Answers paths that match with what `answer` makes. */
function on(pattern: RegExp, answer: (response: ServerResponse, path: string) => void): Misbehaviour {
  return (path, response) => {
    if (!pattern.test(path)) return false;
    answer(response, path);
    return true;
  };
}

test('a target with a changed byte is refused', (t) =>
  refused(
    t,
    on(/model\.onnx$/, (response) => response.end(Buffer.alloc(20_000, 9))),
    { code: 'SIGNATURE_INVALID', message: /expected the bytes that were signed/ },
  ));

test('a target that ends early is refused', (t) =>
  refused(
    t,
    on(/model\.onnx$/, (response) => response.end(Buffer.alloc(19_999, 1))),
    { code: 'SIGNATURE_INVALID', message: /Expected length 20000 but got 19999/ },
  ));

test('a changed manifest is refused', (t) =>
  refused(
    t,
    on(/manifest\.json$/, (response) => response.end('{}')),
    { code: 'SIGNATURE_INVALID' },
  ));

test('a connection cut in the middle of a file is an unreachable repository', (t) =>
  refused(
    t,
    on(/model\.onnx$/, (response) => {
      response.writeHead(200, { 'content-length': 20_000 });
      response.write(Buffer.alloc(10_000, 1), () => response.destroy());
    }),
    { code: 'REPOSITORY_UNREACHABLE', message: /model\.onnx: expected the whole file/ },
  ));

for (const file of ['2.targets.json', '2.snapshot.json', 'timestamp.json', 'model.onnx', 'manifest.json'])
  test(`a server that never stops sending ${file} is cut off`, (t) =>
    refused(
      t,
      on(new RegExp(`${file}$`), (response) => {
        // Endless as far as the client can tell; 64 MiB, so that a client without a limit fails instead of hanging.
        const flood = Readable.from(Array.from({ length: 1024 }, () => Buffer.alloc(65_536, 0x20)));
        flood.pipe(response);
      }),
      { code: 'SIGNATURE_INVALID', message: /expected at most \d+ bytes, got more/ },
    ));

test('a server that falls silent is given up', (t) =>
  refused(
    t,
    on(/model\.onnx$/, (response) => void response.write('x')),
    { code: 'REPOSITORY_UNREACHABLE', message: /silence for 200 ms|ECONNRESET/ },
  ));

test('a missing file of a signed model is an unreachable repository', (t) =>
  refused(
    t,
    on(/model\.onnx$/, (response) => response.writeHead(404).end()),
    { code: 'REPOSITORY_UNREACHABLE', message: /HTTP 404/ },
  ));

test('a redirect is reported with its goal', (t) =>
  refused(
    t,
    on(/./, (response) => response.writeHead(301, { location: 'https://elsewhere.example/' }).end()),
    { code: 'REPOSITORY_UNREACHABLE', message: /HTTP 301 to https:\/\/elsewhere\.example/ },
  ));

test('a portal that answers everything with its own page is no repository, and no reason to give up', (t) =>
  refused(
    t,
    on(/./, (response) => response.end('<html>Please log in</html>')),
    { code: 'REPOSITORY_UNREACHABLE', message: /expected TUF metadata, got something else/ },
  ));

for (const role of ['targets', 'snapshot', 'timestamp'])
  test(`${role} metadata changed after signing is refused`, async (t) => {
    const repository = await publishedRepository(t);
    const { url } = await serve(t, repository.folder, (path, response) => {
      if (!path.endsWith(`${role}.json`)) return false;
      void readFile(join(repository.folder, path), 'utf8').then((text) =>
        response.end(text.replace('"version": 2', '"version": 3')),
      );
      return true;
    });
    const storeFolder = join(repository.work, 'store');
    await assert.rejects(
      pullModel({ url, rootFile: repository.rootFile, target: 'vibration', storeFolder, clock: systemClock }),
      { code: 'SIGNATURE_INVALID' },
    );
    assert.deepEqual((await storeContents(storeFolder)).models, []);
  });

test('a repository signed by other keys than the pinned root names is refused', async (t) => {
  const [ours, theirs] = [await publishedRepository(t), await publishedRepository(t)];
  const { url } = await serve(t, theirs.folder);
  const storeFolder = join(ours.work, 'store');
  await assert.rejects(
    pullModel({ url, rootFile: ours.rootFile, target: 'vibration', storeFolder, clock: systemClock }),
    {
      code: 'SIGNATURE_INVALID',
      message: /keys of the pinned root/,
    },
  );
  assert.deepEqual(await storeContents(storeFolder), { models: [], partial: [] });
});

test('an older state than the device has seen is refused, even when it is validly signed', async (t) => {
  const repository = await publishedRepository(t);
  const { url } = await serve(t, repository.folder);
  const storeFolder = join(repository.work, 'store');
  const request = { url, rootFile: repository.rootFile, target: 'vibration', storeFolder, clock: systemClock };
  const old = join(repository.work, 'old');
  await cp(repository.folder, old, { recursive: true });
  const newest = await repository.publish({ version: '2.0.0', fill: 2 });
  await pullModel(request);
  await rm(repository.folder, { recursive: true });
  await cp(old, repository.folder, { recursive: true });
  await assert.rejects(pullModel(request), { code: 'SIGNATURE_INVALID', message: /rollback/ });
  assert.deepEqual((await storeContents(storeFolder)).models, [newest]);
});

test('old snapshot bytes under a new timestamp (mix and match) are refused', async (t) => {
  const repository = await publishedRepository(t);
  await repository.publish({ version: '2.0.0', fill: 2 });
  const { url } = await serve(t, repository.folder, (path, response) => {
    if (!path.endsWith('3.snapshot.json')) return false;
    void readFile(join(repository.folder, 'metadata', '2.snapshot.json')).then((bytes) => response.end(bytes));
    return true;
  });
  const storeFolder = join(repository.work, 'store');
  await assert.rejects(
    pullModel({ url, rootFile: repository.rootFile, target: 'vibration', storeFolder, clock: systemClock }),
    {
      code: 'SIGNATURE_INVALID',
    },
  );
});

test('a signed file that contradicts its signed manifest is refused, and verifying the repository finds it', async (t) => {
  const repository = await publishedRepository(t);
  const opened = await openRepository(repository.folder, undefined);
  const { targets } = opened.targets;
  const path = 'vibration/1.0.0/model.onnx';
  const swapped = new TargetFile({ ...targets['vibration/1.0.0/features.onnx']!, path });
  const features = join(repository.folder, 'targets/vibration/1.0.0', `${swapped.hashes.sha256}.features.onnx`);
  await cp(features, features.replace('features.onnx', 'model.onnx'));
  const plan = planRelease(opened, {
    roles: new Set(['targets']),
    targets: Object.values({ ...targets, [path]: swapped }),
    nowMs: Date.now(),
  });
  await writeRelease(repository.folder, plan);
  const url = pathToFileURL(repository.folder).href;
  const storeFolder = join(repository.work, 'store');
  await assert.rejects(
    pullModel({ url, rootFile: repository.rootFile, target: 'vibration', storeFolder, clock: systemClock }),
    { code: 'MANIFEST_INVALID', message: /model\.onnx: expected 20000 bytes, got 500/ },
  );
  assert.deepEqual(await storeContents(storeFolder), { models: [], partial: [] });
  const { problems } = await verifyRepository(repository.folder, { clock: systemClock });
  assert.match(problems.join(), /expected model\.onnx to be signed with SHA-256/);
});

test('a cancelled pull leaves no model behind', async (t) => {
  const controller = new AbortController();
  const repository = await publishedRepository(t);
  const { url } = await serve(
    t,
    repository.folder,
    on(/model\.onnx$/, (response) => response.write('x', () => controller.abort())),
  );
  const storeFolder = join(repository.work, 'store');
  const { rootFile } = repository;
  const { signal } = controller;
  await assert.rejects(pullModel({ url, rootFile, target: 'vibration', storeFolder, clock: systemClock, signal }), {
    code: 'CANCELLED',
  });
  assert.deepEqual(await storeContents(storeFolder), { models: [], partial: [] });
});
