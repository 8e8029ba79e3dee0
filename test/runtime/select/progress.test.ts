import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { progressMeter } from '../../../runtime/select/progress.ts';

describe('progress', () => {
  it('is the share of the expected time that lies behind', () => {
    const fractions: number[] = [];
    const meter = progressMeter('measuring', 1000, ({ fraction }) => fractions.push(fraction));
    meter.step(400, 'first')(0.5);
    meter.step(600, 'second')(1);
    assert.deepEqual(fractions, [0, 0.2, 0.4, 1]);
  });

  it('never turns back and never passes one, however wrong the guess was', () => {
    const fractions: number[] = [];
    const meter = progressMeter('measuring', 100, ({ fraction }) => fractions.push(fraction));
    meter.step(90, 'first')(1);
    const late = meter.step(500, 'second');
    late(1);
    late(0.1);
    assert.deepEqual(
      fractions,
      [...fractions].sort((a, b) => a - b),
    );
    assert.equal(fractions.at(-1), 1);
  });
});
