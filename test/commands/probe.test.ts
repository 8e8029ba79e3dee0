import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const root = join(import.meta.dirname, '../..');
const octet = (...words: string[]) =>
  spawnSync(process.execPath, [join(root, 'cli.ts'), ...words], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });

describe('octet probe', () => {
  it('tells people what a board is and what int8 can bring there', () => {
    const { status, stdout } = octet('probe', '--root', join(root, 'test/boards/raspberry-pi-4'));
    assert.equal(status, 0);
    assert.match(stdout, /board +Raspberry Pi 4 Model B/);
    assert.match(stdout, /int8 +NEON without dot product: expect 1\.1 to 1\.8 times/);
    assert.match(stdout, /now: under-voltage, throttled/);
  });

  it('prints one JSON document with --json', () => {
    const { status, stdout } = octet('probe', '--json', '--root', join(root, 'test/boards/raspberry-pi-5'));
    assert.equal(status, 0);
    const report = JSON.parse(stdout);
    assert.deepEqual([report.soc, report.int8.family, report.gaps], ['BCM2712', 'dotprod', []]);
  });

  it('describes this machine without options', () => {
    const { status, stdout } = octet('probe', '--json');
    assert.equal(status, 0);
    assert.ok(JSON.parse(stdout).cpu.cores >= 1);
  });
});
