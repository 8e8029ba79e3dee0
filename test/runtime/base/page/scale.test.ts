import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linearScale, logScale, scaleOver } from '../../../../runtime/base/page/scale.ts';

describe('an axis', () => {
  it('has ticks at round numbers inside its ends', () => {
    assert.deepEqual(linearScale(0, 1.35, 5).ticks, [0, 0.5, 1]);
    assert.deepEqual(linearScale(-0.3, 4, 5).ticks, [0, 1, 2, 3, 4]);
    assert.deepEqual(linearScale(45, 85, 4).ticks, [50, 60, 70, 80]);
  });

  it('puts what lies outside onto the nearer end', () => {
    const { share } = linearScale(10, 20);
    assert.deepEqual([5, 10, 15, 20, 99].map(share), [0, 0, 0.5, 1, 1]);
  });

  it('shows factors as distances when it is logarithmic', () => {
    const scale = logScale(10, 1000);
    assert.ok(Math.abs(scale.share(100) - 0.5) < 1e-9);
    assert.ok(scale.ticks.length >= 3 && scale.ticks.length <= 7, String(scale.ticks));
    assert.ok(scale.ticks.every((tick) => tick >= 10 && tick <= 1000));
  });

  it('is logarithmic for values that differ several times, and has room for a single value', () => {
    assert.ok(Math.abs(scaleOver([1, 100]).share(10) - 0.5) < 1e-9);
    const single = scaleOver([42]);
    assert.ok(single.from < 42 && single.to > 42);
    assert.ok(single.share(42) > 0 && single.share(42) < 1);
  });
});
