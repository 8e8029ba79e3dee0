/** Power loss while publishing: the plan's files are written one by one, and after each the repository must stand. */
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { pullModel } from '../../../models/pull.ts';
import { addModel } from '../../../models/repository/add.ts';
import type { SignedFile } from '../../../models/repository/metadata.ts';
import { openRepository } from '../../../models/repository/open.ts';
import { publishRepository } from '../../../models/repository/publish.ts';
import { planRelease, writeRelease } from '../../../models/repository/release.ts';
import { verifyRepository } from '../../../models/repository/verify.ts';
import { clockAt, publishedRepository, writeModel } from '../repository-fixture.ts';

test('a release cut off after any of its writes leaves the old state or the new one, and can be published again', async (t) => {
  const clock = clockAt('2030-01-01T00:00:00Z');
  const { folder, keysFolder, rootFile, work } = await publishedRepository(t, clock);
  await addModel(folder, await writeModel(join(work, 'next'), { version: '1.1.0', fill: 2 }));
  const plan = planRelease(await openRepository(folder, undefined), {
    roles: new Set(['root', 'targets']),
    targets: [],
    nowMs: clock.wallMs(),
  });
  assert.deepEqual(
    plan.map(({ fileName }) => fileName),
    ['2.root.json', '3.targets.json', '3.snapshot.json', 'timestamp.json'],
  );

  for (let writes = 0; writes <= plan.length; writes++) {
    const cut = join(work, `cut-${writes}`);
    await cp(folder, cut, { recursive: true });
    await cp(keysFolder, `${cut}.keys`, { recursive: true });
    await writeRelease(cut, withPowerCut(plan, writes)).catch((error) => assert.equal(error.message, 'power cut'));
    const models = (await verifyRepository(cut, { clock, rootFile })).models.length;
    assert.equal(models, writes < plan.length ? 1 : 0, `${models} models after ${writes} writes`);
    await publishRepository(cut, { clock });
    const request = {
      url: pathToFileURL(cut).href,
      rootFile,
      target: 'vibration@1.1.0',
      storeFolder: join(work, `store-${writes}`),
      clock,
    };
    assert.equal((await pullModel(request)).version, '1.1.0');
  }
});

/** The same files, of which only `writes` can be written, in whatever order. */
function withPowerCut(files: readonly SignedFile[], writes: number): SignedFile[] {
  let written = 0;
  return files.map((file) => ({
    ...file,
    get bytes(): Buffer {
      if (++written > writes) throw new Error('power cut');
      return file.bytes;
    },
  }));
}
