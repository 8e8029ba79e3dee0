import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

describe('the launcher without a pinned Node.js', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'octet-launcher-'));
    mkdirSync(join(folder, 'bin'));
    copyFileSync(join(import.meta.dirname, '../../octet'), join(folder, 'octet'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Puts a `node` on the path that says it is of the given platform, architecture and fitness. */
  function launchWith(answer: string | undefined) {
    const node = join(folder, 'bin', 'node');
    rmSync(node, { force: true });
    if (answer !== undefined) {
      writeFileSync(
        node,
        `#!/bin/sh\ncase $1 in -p) echo '${answer}';; --version) echo v20.20.2;; *) echo "ran $*";; esac\n`,
      );
      chmodSync(node, 0o755);
    }
    for (const tool of ['dirname', 'readlink', 'uname']) {
      const link = join(folder, 'bin', tool);
      writeFileSync(link, `#!/bin/sh\nexec /usr/bin/${tool} "$@"\n`);
      chmodSync(link, 0o755);
    }
    return spawnSync(join(folder, 'octet'), ['probe'], { env: { PATH: join(folder, 'bin') }, encoding: 'utf8' });
  }

  const refusals = [
    [undefined, /expected Node.js 24.15 or newer, got none[\s\S]*npm ci/],
    ['linux x64 false', /expected Node.js 24.15 or newer, got v20.20.2[\s\S]*npm ci/],
    ['linux arm true', /expected a 64-bit userland \(arm64\), got a 32-bit one[\s\S]*64-bit image/],
    ['darwin arm64 true', /expected Linux on arm64 or x64/],
  ] as const;
  for (const [answer, message] of refusals) {
    it(`refuses ${answer ?? 'a system without Node.js'} and says what to do`, () => {
      const { status, stderr } = launchWith(answer);
      assert.equal(status, 1);
      assert.match(stderr, /^PLATFORM_UNSUPPORTED/);
      assert.match(stderr, message);
    });
  }

  it('starts the program with a fitting Node.js of the system', () => {
    const { status, stdout } = launchWith('linux arm64 true');
    assert.equal(status, 0);
    assert.match(stdout, /^ran .*cli\.ts probe$/m);
  });
});
