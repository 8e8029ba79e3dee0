import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { appendFile, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { pullModel } from '../../../models/pull.ts';
import { addModel } from '../../../models/repository/add.ts';
import { initRepository } from '../../../models/repository/create.ts';
import { publishRepository } from '../../../models/repository/publish.ts';
import { refreshRepository } from '../../../models/repository/refresh.ts';
import { verifyRepository } from '../../../models/repository/verify.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { clockAt, publishedRepository, serve, temporaryFolder, writeModel } from '../repository-fixture.ts';

const clock = systemClock;

test('a new repository is valid at once, its keys are private and lie outside of it', async (t) => {
  const work = await temporaryFolder(t);
  const { folder, keysFolder } = await initRepository(join(work, 'repository'), { clock });
  assert.deepEqual((await verifyRepository(folder, { clock })).problems, []);
  assert.deepEqual(globSync(join(folder, '**/*.pem')), []);
  const keys = globSync(join(keysFolder, '*.pem'));
  assert.deepEqual(keys.map((path) => basename(path)).sort(), [
    'root-1.pem',
    'snapshot-1.pem',
    'targets-1.pem',
    'timestamp-1.pem',
  ]);
  for (const path of keys) assert.equal((await stat(path)).mode & 0o777, 0o600, path);
  assert.equal((await stat(keysFolder)).mode & 0o777, 0o700);
});

test('keys are never put where they would be served', async (t) => {
  const folder = join(await temporaryFolder(t), 'repository');
  for (const keysFolder of [folder, join(folder, 'keys'), join(folder, 'a', '..', 'b')])
    await assert.rejects(initRepository(folder, { clock, keysFolder }), {
      code: 'USAGE',
      message: /outside the published/,
    });
  await assert.rejects(stat(folder), { code: 'ENOENT' });
});

test('an existing repository is never made anew', async (t) => {
  const { folder, keysFolder } = await publishedRepository(t);
  const before = await readFile(join(keysFolder, 'root-1.pem'));
  await assert.rejects(initRepository(folder, { clock }), {
    code: 'USAGE',
    message: /expected an empty or absent folder/,
  });
  assert.deepEqual(await readFile(join(keysFolder, 'root-1.pem')), before);
});

test('what is added stays unseen until it is published', async (t) => {
  const { folder, work } = await publishedRepository(t);
  const seen = async () =>
    (await verifyRepository(folder, { clock })).models.map(
      ({ name, version, current }) => `${name} ${version} ${current}`,
    );
  await addModel(folder, await writeModel(join(work, 'next'), { version: '1.1.0', fill: 2 }));
  assert.deepEqual(await seen(), ['vibration 1.0.0 true']);
  const { published } = await publishRepository(folder, { clock });
  assert.deepEqual(published, [{ name: 'vibration', version: '1.1.0' }]);
  assert.deepEqual(await seen(), ['vibration 1.0.0 false', 'vibration 1.1.0 true']);
});

test('adding or publishing the same again changes nothing', async (t) => {
  const { folder, work, digest } = await publishedRepository(t);
  const listing = await readdir(join(folder, 'metadata'));
  const again = await addModel(folder, join(work, 'models', 'vibration-1.0.0'));
  assert.deepEqual(again, { name: 'vibration', version: '1.0.0', digest, added: false });
  assert.deepEqual((await publishRepository(folder, { clock })).published, []);
  assert.deepEqual(await readdir(join(folder, 'metadata')), listing);
});

test('a version that exists never comes to mean other bytes, published or only added', async (t) => {
  const { folder, work } = await publishedRepository(t);
  const changed = await writeModel(join(work, 'changed'), { fill: 2 });
  await assert.rejects(addModel(folder, changed), { code: 'MANIFEST_INVALID', hint: /Raise "version"/ });
  await addModel(folder, await writeModel(join(work, 'next'), { version: '1.1.0', fill: 2 }));
  await assert.rejects(addModel(folder, await writeModel(join(work, 'other'), { version: '1.1.0', fill: 3 })), {
    code: 'MANIFEST_INVALID',
  });
});

test('a model folder whose digests are wrong is not added', async (t) => {
  const { folder, work } = await publishedRepository(t);
  const model = await writeModel(join(work, 'next'), { version: '1.1.0' });
  await appendFile(join(model, 'model.onnx'), 'x');
  await assert.rejects(addModel(folder, model), { code: 'MANIFEST_INVALID', hint: /octet models manifest/ });
  assert.deepEqual((await publishRepository(folder, { clock })).published, []);
});

test('a file that changed between adding and publishing is not signed', async (t) => {
  const { folder, work } = await publishedRepository(t);
  await addModel(folder, await writeModel(join(work, 'next'), { version: '1.1.0', fill: 2 }));
  const [path] = globSync(join(folder, 'targets/vibration/1.1.0/*.model.onnx'));
  await appendFile(path!, 'x');
  await assert.rejects(publishRepository(folder, { clock }), {
    code: 'REPOSITORY_INVALID',
    message: /model\.onnx: expected SHA-256/,
  });
});

test('what a stranger put into the published folder is not built upon, roots included', async (t) => {
  const turned = clockAt('2030-01-01T00:00:00Z');
  const [ours, theirs] = [await publishedRepository(t), await publishedRepository(t, turned)];
  turned.advanceDays(700);
  const { renewed } = await refreshRepository(theirs.folder, { clock: turned });
  assert.deepEqual(renewed[0], { role: 'root', version: 2 });
  await cp(join(theirs.folder, 'metadata'), join(ours.folder, 'metadata'), { recursive: true });
  const operations = [
    () => publishRepository(ours.folder, { clock }),
    () => refreshRepository(ours.folder, { clock }),
    () => addModel(ours.folder, join(ours.work, 'models', 'vibration-1.0.0')),
  ];
  for (const operation of operations) await assert.rejects(operation(), { code: 'SIGNATURE_INVALID' });
});

test('a role needs as many keys as its threshold, any of those the root names', async (t) => {
  const work = await temporaryFolder(t);
  const keyPlans = { targets: { keys: 3, threshold: 2 } };
  const { folder, keysFolder } = await initRepository(join(work, 'repository'), { clock, keyPlans });
  await addModel(folder, await writeModel(join(work, 'model')));
  await rename(join(keysFolder, 'targets-1.pem'), join(work, 'safe-1.pem'));
  assert.equal((await publishRepository(folder, { clock })).published.length, 1);
  await rename(join(keysFolder, 'targets-2.pem'), join(work, 'safe-2.pem'));
  await addModel(folder, await writeModel(join(work, 'next'), { version: '1.1.0' }));
  await assert.rejects(publishRepository(folder, { clock }), {
    code: 'REPOSITORY_INVALID',
    message: 'signing targets: expected 2 of its keys, got 1',
  });
  assert.equal((await verifyRepository(folder, { clock })).models.length, 1);
});

test('verifying finds missing, damaged and replaced files, all of them', async (t) => {
  const { folder } = await publishedRepository(t);
  await rm(globSync(join(folder, 'targets/vibration/1.0.0/*.features.onnx'))[0]!);
  await appendFile(globSync(join(folder, 'targets/vibration/1.0.0/*.model.onnx'))[0]!, 'x');
  await writeFile(globSync(join(folder, 'targets/vibration/*.manifest.json'))[0]!, '{}');
  const { problems } = await verifyRepository(folder, { clock });
  assert.equal(problems.length, 3, problems.join('\n'));
});

test('verifying with the pinned root tells a foreign repository from a sound one', async (t) => {
  const [ours, theirs] = [await publishedRepository(t), await publishedRepository(t)];
  await verifyRepository(theirs.folder, { clock });
  await assert.rejects(verifyRepository(theirs.folder, { clock, rootFile: ours.rootFile }), {
    code: 'SIGNATURE_INVALID',
  });
});

test('refreshing keeps an unchanged repository valid for years, and devices follow its new roots', async (t) => {
  const turned = clockAt('2030-01-01T00:00:00Z');
  const { folder, rootFile, work } = await publishedRepository(t, turned);
  const request = {
    url: pathToFileURL(folder).href,
    rootFile,
    target: 'vibration',
    storeFolder: join(work, 's'),
    clock: turned,
  };
  for (let month = 0; month < 30; month++) {
    turned.advanceDays(28);
    await refreshRepository(folder, { clock: turned });
    if (month % 6 === 0) await pullModel(request);
  }
  const { roles } = await verifyRepository(folder, { clock: turned });
  const versions = Object.fromEntries(roles.map(({ role, version }) => [role, version]));
  // Each role is signed again in the last third of its life: root of 730 days once in 840, targets of 365 three times.
  assert.equal(versions.root, 2);
  assert.equal(versions.targets, 5);
  assert.equal(versions.timestamp, 32);
  assert.equal((await pullModel(request)).origin, 'present');
  const fresh = await pullModel({ ...request, storeFolder: join(work, 'new device') });
  assert.equal(fresh.origin, 'downloaded');
});

test('a machine with only the timestamp and snapshot keys refreshes, and says what it cannot renew', async (t) => {
  const turned = clockAt('2030-01-01T00:00:00Z');
  const { folder, keysFolder, work } = await publishedRepository(t, turned);
  const online = join(work, 'online');
  await mkdir(online);
  for (const name of ['timestamp-1.pem', 'snapshot-1.pem', 'settings.json', '1.root.json'])
    await cp(join(keysFolder, name), join(online, name));
  turned.advanceDays(300);
  const { renewed, postponed } = await refreshRepository(folder, { clock: turned, keysFolder: online });
  assert.deepEqual(
    renewed.map(({ role }) => role),
    ['snapshot', 'timestamp'],
  );
  assert.deepEqual(postponed, [{ role: 'targets', expires: '2031-01-01T00:00:00Z' }]);
  await verifyRepository(folder, { clock: turned });
});

test('a repository may be pulled from at any moment while it is published', async (t) => {
  const { folder, rootFile, work, publish, digest } = await publishedRepository(t);
  const { url } = await serve(t, folder);
  const publications = (async () => {
    const digests = [digest];
    for (let minor = 1; minor <= 8; minor++) digests.push(await publish({ version: `1.${minor}.0`, fill: minor }));
    return digests;
  })();
  let publishing = true;
  const done = () => {
    publishing = false;
  };
  publications.then(done, done);
  const pulled: string[] = [];
  const storeFolder = join(work, 'store');
  while (publishing) pulled.push((await pullModel({ url, rootFile, target: 'vibration', storeFolder, clock })).digest);
  const digests = await publications;
  const order = pulled.map((each) => digests.indexOf(each));
  assert.ok(
    order.every((place, index) => place >= 0 && place >= (order[index - 1] ?? 0)),
    `versions in order: ${order}`,
  );
  assert.ok(new Set(order).size > 1, `pulls met more than one state: ${order}`);
});
