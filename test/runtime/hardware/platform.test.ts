import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OctetError } from '../../../runtime/base/errors.ts';
import { type Platform, requireSupportedPlatform } from '../../../runtime/hardware/platform.ts';

const good: Platform = { os: 'linux', arch: 'arm64', nodeVersion: '24.21.0', machine: 'aarch64' };

function refusal(change: Partial<Platform>): OctetError {
  try {
    requireSupportedPlatform({ ...good, ...change });
  } catch (error) {
    assert.ok(error instanceof OctetError);
    assert.equal(error.code, 'PLATFORM_UNSUPPORTED');
    return error;
  }
  throw new Error('expected a refusal, got none');
}

describe('the platform check', () => {
  it('accepts 64-bit Linux with a new enough Node.js', () => {
    for (const change of [{}, { arch: 'x64' }, { nodeVersion: '24.15.0' }, { nodeVersion: '26.1.0' }])
      requireSupportedPlatform({ ...good, ...change });
  });

  it('tells a 32-bit system on a 64-bit board to install the 64-bit image', () => {
    const { message, hint } = refusal({ arch: 'arm', machine: 'aarch64' });
    assert.match(message, /expected 64-bit \(arm64\), got a 32-bit one \(arm\) with a aarch64 kernel/);
    assert.match(hint ?? '', /64-bit image/);
  });

  it('tells a 32-bit board that another board is needed', () => {
    assert.match(refusal({ arch: 'arm', machine: 'armv7l' }).hint ?? '', /Use a 64-bit board/);
  });

  it('tells an old Node.js how to get a newer one', () => {
    const { message, hint } = refusal({ nodeVersion: '20.19.2' });
    assert.match(message, /expected 24\.15 or newer, got 20\.19\.2/);
    assert.match(hint ?? '', /npm ci/);
    assert.match(refusal({ nodeVersion: '24.14.9' }).message, /24\.14\.9/);
  });

  it('names the operating system when it is not Linux', () => {
    assert.match(refusal({ os: 'darwin' }).message, /expected linux, got darwin/);
  });
});
