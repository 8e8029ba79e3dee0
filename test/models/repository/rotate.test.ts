import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Root } from '@tufjs/models';
import { pullModel } from '../../../models/pull.ts';
import { roles } from '../../../models/repository/layout.ts';
import { openRepository } from '../../../models/repository/open.ts';
import { planRelease, writeRelease } from '../../../models/repository/release.ts';
import { rotateKeys } from '../../../models/repository/rotate.ts';
import { verifyRepository } from '../../../models/repository/verify.ts';
import { systemClock as clock } from '../../../runtime/base/clock.ts';
import { type PublishedRepository, publishedRepository } from '../repository-fixture.ts';

/** A device that pinned the first root, with a store of its own. */
function deviceOf({ folder, rootFile, work }: PublishedRepository) {
  const request = { url: pathToFileURL(folder).href, rootFile, storeFolder: join(work, 'store'), clock };
  return (version: string) => pullModel({ ...request, target: `vibration@${version}` });
}

for (const role of roles)
  test(`devices follow new ${role} keys, and the operator works on with the old ones destroyed`, async (t) => {
    const repository = await publishedRepository(t);
    const pull = deviceOf(repository);
    await pull('1.0.0');
    const { newKeys, retiredKeys, rootVersion } = await rotateKeys(repository.folder, { role, clock });
    assert.deepEqual([newKeys.map((path) => basename(path)), rootVersion], [[`${role}-2.pem`], 2]);
    assert.deepEqual(
      retiredKeys.map((path) => basename(path)),
      [`${role}-1.pem`],
    );
    for (const path of retiredKeys) await rm(path);
    await repository.publish({ version: '1.1.0', fill: 2 });
    assert.equal((await pull('1.1.0')).origin, 'downloaded');
    await verifyRepository(repository.folder, { clock, rootFile: repository.rootFile });
  });

test('a stolen key signs nothing that a device accepts once it was rotated', async (t) => {
  const repository = await publishedRepository(t);
  const pull = deviceOf(repository);
  await rotateKeys(repository.folder, { role: 'targets', clock });
  await pull('1.0.0');
  const opened = await openRepository(repository.folder, undefined);
  const [thief] = opened.signers.filter(({ path }) => path.endsWith('targets-1.pem'));
  // The thief also holds snapshot and timestamp, and signs by a root in which the stolen key still counted.
  const before = JSON.parse(await readFile(join(repository.folder, 'metadata', '1.root.json'), 'utf8'));
  const keyId = before.signed.roles.targets.keyids[0];
  assert.equal(thief!.key.keyID, keyId);
  const forged = planRelease(
    { ...opened, root: Root.fromJSON(before.signed) },
    { roles: new Set(['targets']), nowMs: clock.wallMs() },
  );
  await writeRelease(repository.folder, forged);
  await assert.rejects(pull('1.0.0'), { code: 'SIGNATURE_INVALID', message: /signed by|keys of the pinned root/ });
});

test('a role may be given more keys and a higher threshold', async (t) => {
  const repository = await publishedRepository(t);
  const { newKeys } = await rotateKeys(repository.folder, { role: 'root', plan: { threshold: 2, keys: 3 }, clock });
  assert.equal(newKeys.length, 3);
  await rotateKeys(repository.folder, { role: 'timestamp', clock });
  await rename(newKeys[0]!, join(repository.work, 'safe-1.pem'));
  await rename(newKeys[1]!, join(repository.work, 'safe-2.pem'));
  await assert.rejects(rotateKeys(repository.folder, { role: 'timestamp', clock }), {
    code: 'REPOSITORY_INVALID',
    message: 'signing root: expected 2 of its keys, got 1',
  });
  await deviceOf(repository)('1.0.0');
});

test('without the root keys nothing is rotated, and what is published still stands', async (t) => {
  const repository = await publishedRepository(t);
  await mkdir(join(repository.work, 'safe'));
  await rename(join(repository.keysFolder, 'root-1.pem'), join(repository.work, 'safe', 'root-1.pem'));
  const before = await readdir(repository.keysFolder);
  await assert.rejects(rotateKeys(repository.folder, { role: 'targets', clock }), { code: 'REPOSITORY_INVALID' });
  assert.deepEqual(await readdir(repository.keysFolder), before);
  await verifyRepository(repository.folder, { clock, rootFile: repository.rootFile });
  await deviceOf(repository)('1.0.0');
});
