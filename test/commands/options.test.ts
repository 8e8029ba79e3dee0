import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytesFrom, countFrom, durationMsFrom, shareFrom, threadsFrom } from '../../commands/options.ts';

describe('option values', () => {
  it('carry units', () => {
    assert.equal(bytesFrom('256MiB'), 256 * 1024 * 1024);
    assert.equal(bytesFrom('1.5 GB'), 1_500_000_000);
    assert.equal(bytesFrom('4096'), 4096);
    assert.deepEqual(['5s', '500ms', '1min', '2'].map(durationMsFrom), [5000, 500, 60_000, 2000]);
    assert.equal(shareFrom('0.005'), 0.005);
    assert.equal(threadsFrom('4'), 4);
    assert.equal(countFrom('64'), 64);
  });

  it('are refused with what was expected', () => {
    const refused: readonly [() => unknown, RegExp][] = [
      [() => bytesFrom('256 apples'), /expected a size like 256MiB/],
      [() => bytesFrom('0MiB'), /expected a size/],
      [() => durationMsFrom('soon'), /expected a duration like 5s/],
      [() => shareFrom('1.5'), /expected a share from 0 to 1/],
      [() => shareFrom(''), /expected a share/],
      [() => countFrom('0'), /whole number above 0/],
      [() => countFrom('2.5'), /whole number above 0/],
      [() => threadsFrom('0'), /1 to 64/],
      [() => threadsFrom('1.5'), /1 to 64/],
    ];
    for (const [attempt, message] of refused) assert.throws(attempt, message);
  });
});
