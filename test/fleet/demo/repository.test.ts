import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { prepareRepository } from '../../../fleet/demo/repository.ts';
import { verifyRepository } from '../../../models/repository/verify.ts';
import { systemClock as clock } from '../../../runtime/base/clock.ts';

describe("the demo's repository", () => {
  let folder: string;
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'octet-demo-')), 'repository');
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true }));

  it('holds the bundled model, signed, after the first start', async () => {
    const { rootFile } = await prepareRepository(folder, 'watch-exercise', clock);
    const { models, problems } = await verifyRepository(folder, { clock, rootFile });
    assert.deepEqual([models.map(({ name }) => name), problems], [['watch-exercise'], []]);
  });

  it('keeps its keys from start to start', async () => {
    const { rootFile } = await prepareRepository(folder, 'watch-exercise', clock);
    const before = await readFile(rootFile, 'utf8');
    await prepareRepository(folder, 'watch-exercise', clock);
    assert.equal(await readFile(rootFile, 'utf8'), before);
  });

  it('that lost its keys says how to begin anew', async () => {
    await prepareRepository(folder, 'watch-exercise', clock);
    await rm(`${folder}.keys`, { recursive: true });
    await assert.rejects(prepareRepository(folder, 'watch-exercise', clock), { hint: /--fresh/ });
  });
});
