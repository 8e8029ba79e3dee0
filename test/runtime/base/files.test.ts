import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeFileAtomic } from '../../../runtime/base/files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('writing a file atomically', () => {
  it('replaces the old file, makes missing folders, and leaves nothing beside it', async (t) => {
    const folder = join(await temporaryFolder(t), 'made');
    const path = join(folder, 'state.json');
    await writeFileAtomic(path, 'old');
    await writeFileAtomic(path, [Buffer.from('n'), Buffer.from('ew')]);
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.deepEqual(readdirSync(folder), ['state.json']);
  });

  it('keeps the old file when the data end in an error', async (t) => {
    const folder = await temporaryFolder(t);
    const path = join(folder, 'state.json');
    writeFileSync(path, 'old');
    function* cutShort() {
      yield Buffer.from('ne');
      throw new Error('no more');
    }
    await assert.rejects(writeFileAtomic(path, cutShort()), { code: 'WRITE_FAILED' });
    assert.equal(readFileSync(path, 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['state.json']);
  });

  it('leaves a folder that stands in the way as it is', async (t) => {
    const folder = await temporaryFolder(t);
    mkdirSync(join(folder, 'taken'));
    await assert.rejects(writeFileAtomic(join(folder, 'taken'), 'text'), { code: 'WRITE_FAILED', hint: /writable/ });
    assert.deepEqual(readdirSync(folder), ['taken']);
  });

  it('keeps a file that may hold a secret from everybody else', async (t) => {
    const path = join(await temporaryFolder(t), 'secret.json');
    await writeFileAtomic(path, '{}', 0o600);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });
});
