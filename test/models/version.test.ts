import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareVersions } from '../../models/version.ts';

test('versions are ordered as the standard orders its own example', () => {
  // semver 2.0.0 §11.2 and §11.4, oldest first.
  const ordered = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '2.0.0',
    '2.1.0',
    '2.1.1',
    '2.10.0',
  ];
  for (const [i, a] of ordered.entries())
    for (const [j, b] of ordered.entries())
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} against ${b}`);
});

test('comparing releases is comparing their three numbers', () => {
  const numbers = fc.tuple(fc.nat(30), fc.nat(30), fc.nat(30));
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const weigh = ([x, y, z]: readonly [number, number, number]) => (x * 100 + y) * 100 + z;
      assert.equal(Math.sign(compareVersions(a.join('.'), b.join('.'))), Math.sign(weigh(a) - weigh(b)));
    }),
  );
});
