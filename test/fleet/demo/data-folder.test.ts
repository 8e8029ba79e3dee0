import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openDataFolder } from '../../../fleet/demo/data-folder.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe("the demo's data folder", () => {
  it('is made where there is none', async (context) => {
    const folder = join(await temporaryFolder(context), 'a', 'b');
    using opened = await openDataFolder(folder, false);
    assert.ok(existsSync(opened.path));
  });

  it("is emptied on demand, but for what is not the demo's own", async (context) => {
    const folder = await temporaryFolder(context);
    await mkdir(join(folder, 'agent'));
    await writeFile(join(folder, 'notes.txt'), 'mine');
    using opened = await openDataFolder(folder, true);
    assert.deepEqual(
      [existsSync(join(opened.path, 'agent')), existsSync(join(opened.path, 'notes.txt'))],
      [false, true],
    );
  });

  it('is not emptied under another demo', async (context) => {
    const folder = await temporaryFolder(context);
    await mkdir(join(folder, 'agent'));
    using _first = await openDataFolder(folder, false);
    await assert.rejects(openDataFolder(folder, true), { code: 'STORE_FAILED', hint: /--data/ });
    assert.ok(existsSync(join(folder, 'agent')));
  });

  it('that cannot be made is an error', async (context) => {
    const file = join(await temporaryFolder(context), 'file');
    await writeFile(file, '');
    await assert.rejects(openDataFolder(join(file, 'demo'), false), { code: 'WRITE_FAILED' });
  });
});
