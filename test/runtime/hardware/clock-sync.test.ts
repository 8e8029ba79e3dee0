import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { clockTrust } from '../../../runtime/hardware/clock-sync.ts';
import { readingsUnder } from '../../../runtime/hardware/readings.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const plausibleMs = Date.UTC(2026, 5, 1);

async function trusts(t: TestContext, files: Readonly<Record<string, string>>, wallMs = plausibleMs): Promise<boolean> {
  const root = await temporaryFolder(t);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return clockTrust(readingsUnder(root), wallMs).isTrusted;
}

describe('the wall clock', () => {
  it('is not believed before the network has set it, on a board without battery clock', async (t) => {
    assert.equal(await trusts(t, { 'run/systemd/timesync/other': '' }), false);
    assert.equal(await trusts(t, { 'run/systemd/timesync/synchronized': '' }), true);
  });

  it('is believed with a battery clock that shows a possible time', async (t) => {
    const rtc = 'sys/class/rtc/rtc0/since_epoch';
    assert.equal(await trusts(t, { 'run/systemd/timesync/other': '', [rtc]: `${plausibleMs / 1000}\n` }), true);
    assert.equal(await trusts(t, { 'run/systemd/timesync/other': '', [rtc]: '120\n' }), false, 'its battery is empty');
  });

  it('is believed where no time service says otherwise, unless it shows an impossible time', async (t) => {
    assert.equal(await trusts(t, {}), true);
    assert.equal(await trusts(t, {}, Date.UTC(1970, 0, 1)), false);
  });
});
