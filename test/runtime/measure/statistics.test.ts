import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, medianEstimate, percentile } from '../../../runtime/measure/statistics.ts';

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
