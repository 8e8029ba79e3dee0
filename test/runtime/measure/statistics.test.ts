import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  median,
  medianEstimate,
  percentile,
  quantileEstimate,
  rankInterval,
} from '../../../runtime/measure/statistics.ts';

describe('percentiles', () => {
  it('interpolate between the neighbours in order', () => {
    assert.equal(percentile([40, 10, 30, 20], 0.5), 25);
    assert.equal(percentile([40, 10, 30, 20], 0.9), 37);
    assert.equal(percentile([5], 0.99), 5);
    assert.ok(Number.isNaN(median([])));
  });

  it('leave the values in place', () => {
    const values = [3, 1, 2];
    median(values);
    assert.deepEqual(values, [3, 1, 2]);
  });
});

describe('the median of ratios', () => {
  it('has the tabled sign-test ranks: 1st and 6th of 6, 2nd and 9th of 10, 10th and 21st of 30', () => {
    const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    assert.deepEqual(medianEstimate(upTo(6)), { value: 3.5, low: 1, high: 6 });
    assert.deepEqual(medianEstimate(upTo(10)), { value: 5.5, low: 2, high: 9 });
    assert.deepEqual(medianEstimate(upTo(30)), { value: 15.5, low: 10, high: 21 });
  });

  it('excludes nothing on five values', () => {
    assert.deepEqual(medianEstimate([2, 2, 2, 2, 2]), { value: 2, low: 0, high: Number.POSITIVE_INFINITY });
  });
});

describe('the interval of a quantile', () => {
  it('has the tabled ranks of the median: 1st and 6th of 6, 2nd and 9th of 10, 10th and 21st of 30', () => {
    assert.deepEqual(
      [6, 10, 30].map((count) => rankInterval(count, 0.5)),
      [
        [1, 6],
        [2, 9],
        [10, 21],
      ],
    );
  });

  it('has no upper end where too few values could bound it: p99.9 takes 3688', () => {
    const values = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    assert.equal(quantileEstimate(values(3687), 0.999).high, null);
    assert.equal(quantileEstimate(values(3688), 0.999).high, 3688);
    assert.deepEqual([quantileEstimate([7], 0.5).low, quantileEstimate([7], 0.5).high], [null, null]);
  });

  it('mirrors for the share on the other side', () => {
    const [low, high] = rankInterval(500, 0.9);
    assert.deepEqual(rankInterval(500, 0.1), [501 - high, 501 - low]);
  });

  it('approximates where exact ranks would underflow, to a rank or two of the exact ones', () => {
    const [exactLow, exactHigh] = rankInterval(1000, 0.5);
    const [low, high] = rankInterval(1020, 0.5);
    assert.ok(Math.abs(low - exactLow - 10) <= 2 && Math.abs(high - exactHigh - 10) <= 2);
  });

  it('holds the true quantile in 95 of 100 samples, however skewed (2000 samples of 300, seed 7)', () => {
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state + 0.5) / 2 ** 32;
    };
    for (const share of [0.5, 0.9]) {
      const truth = (-Math.log(1 - share)) ** 3;
      let held = 0;
      for (let sample = 0; sample < 2000; sample++) {
        const values = Array.from({ length: 300 }, () => (-Math.log(1 - random())) ** 3);
        const { low, high } = quantileEstimate(values, share);
        if (low! <= truth && truth <= high!) held++;
      }
      // Four standard errors under the nominal 0.95.
      assert.ok(held / 2000 >= 0.95 - 4 * Math.sqrt((0.95 * 0.05) / 2000), `${share}: ${held}`);
    }
  });
});
