import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { pullModel } from '../../models/pull.ts';
import { clockAt, publishedRepository, storeContents } from './repository-fixture.ts';

/** A model of the fixture: 20,000 and 500 bytes of files, and a manifest of less than 1,500. */
const oneModel = 22_000;

/** A store that was asked for 1.0.0, 1.1.0 and 1.2.0, one a day, and the means to pull more. */
async function filledStore(t: TestContext) {
  const clock = clockAt('2030-01-01T00:00:00Z');
  const repository = await publishedRepository(t, clock);
  const storeFolder = join(repository.work, 'store');
  const [url, { rootFile }] = [pathToFileURL(repository.folder).href, repository];
  const pull = (version: string, budget?: { bytes: number; keep: string[] }) =>
    pullModel({ url, rootFile, storeFolder, clock, target: `vibration@${version}`, ...(budget ? { budget } : {}) });
  const digests = [repository.digest];
  for (const minor of [1, 2, 3]) digests.push(await repository.publish({ version: `1.${minor}.0`, fill: minor }));
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
    await pull(version);
    clock.advanceDays(1);
  }
  const models = async () => (await storeContents(storeFolder)).models;
  return { digests: digests as [string, string, string, string], pull, models };
}

test('the model that was asked for longest ago makes room for a new one', async (t) => {
  const { digests, pull, models } = await filledStore(t);
  await pull('1.0.0');
  await pull('1.3.0', { bytes: 3 * oneModel, keep: [] });
  assert.deepEqual(await models(), [digests[0], digests[2], digests[3]].sort());
});

test('a model in use stays, however old it is', async (t) => {
  const { digests, pull, models } = await filledStore(t);
  await pull('1.3.0', { bytes: 2 * oneModel, keep: [digests[0]] });
  assert.deepEqual(await models(), [digests[0], digests[3]].sort());
});

test('where those in use leave too little room, the new model is refused and nothing is deleted', async (t) => {
  const { digests, pull, models } = await filledStore(t);
  const keep = [digests[0], digests[1]];
  await assert.rejects(pull('1.3.0', { bytes: 2 * oneModel, keep }), {
    code: 'DISK_FULL',
    message: /expected at most 44000 bytes, got 6\d{4} of this model and of those in use/,
  });
  assert.deepEqual(await models(), digests.slice(0, 3).sort());
});
