import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runHelper } from '../../../agent/helper/run-helper.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

function helpers(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return children.map(Number).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('helper'));
}

describe('the helper', () => {
  it('gives the result of its work and is gone afterwards', async () => {
    const info = await runHelper('probe', {});
    assert.ok(info.cores >= 1 && info.memoryBytes > 1e6);
    await waitUntil('its end', () => helpers().length === 0);
  });

  it('passes an error on with its code and hint', async (t) => {
    const folder = await temporaryFolder(t);
    const request = {
      url: 'http://127.0.0.1:1/',
      rootFile: join(folder, 'none.json'),
      target: 'm',
      storeFolder: folder,
    };
    await assert.rejects(runHelper('pull', request), { code: 'FILE_NOT_FOUND', hint: /ls -l/ });
  });

  it('is an error of its own when it dies, naming what killed it', async () => {
    await waitUntil('the end of earlier helpers', () => helpers().length === 0);
    const result = assert.rejects(runHelper('probe', {}), { code: 'CHILD_FAILED', message: /probe.*SIGKILL/ });
    process.kill(await waitUntil('a helper', () => helpers()[0]), 'SIGKILL');
    await result;
  });

  it('is killed by its signal', async () => {
    const stop = new AbortController();
    const result = assert.rejects(runHelper('probe', {}, { signal: stop.signal }), /stop now/);
    stop.abort(new Error('stop now'));
    await result;
    await waitUntil('its end', () => helpers().length === 0);
  });
});
