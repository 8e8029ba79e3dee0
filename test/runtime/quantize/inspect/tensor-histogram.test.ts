import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { histogramMeter } from '../../../../runtime/quantize/inspect/tensor-histogram.ts';

function histogramOf(batches: readonly (readonly number[])[]) {
  const meter = histogramMeter();
  for (const batch of batches) meter.add(batch);
  return meter.histogram();
}

const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e30), max: Math.fround(1e30) });

test('the order of values does not matter', () => {
  fc.assert(
    fc.property(fc.array(finite, { minLength: 1 }), (values) => {
      assert.deepEqual(histogramOf([values]), histogramOf(values.toReversed().map((value) => [value])));
    }),
  );
});

test('every value is counted in the bin that holds it, and memory does not grow', () => {
  fc.assert(
    fc.property(fc.array(finite, { minLength: 1 }), (values) => {
      const { counts, limit, min, max } = histogramOf([values]);
      assert.equal(counts.length, 1024);
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        values.length,
      );
      assert.ok(min >= -limit && max < limit);
      const lowest = counts.findIndex((count) => count > 0);
      assert.equal(lowest, 512 + Math.floor((min / limit) * 512));
    }),
  );
});

test('what is not finite is left out, and nothing seen is an empty histogram', () => {
  assert.deepEqual(histogramOf([[Number.NaN, Number.POSITIVE_INFINITY]]).counts, []);
});
