import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { affineParams, type Range } from '../../../../runtime/quantize/numerics.ts';
import { observers } from '../../../../runtime/quantize/observers/observers.ts';
import { observerNames } from '../../../../runtime/quantize/recipe.ts';

function rangeOf(name: keyof typeof observers, ...batches: Float32Array[]): Range {
  const observer = observers[name]();
  for (const batch of batches) observer.add(batch);
  return observer.range();
}

/** The error itself, element by element: the oracle for what the histogram estimates. */
function squaredError(values: Float32Array, range: Range): number {
  const { scale, zeroPoint } = affineParams(range, 'uint8');
  return values.reduce((sum, x) => {
    const q = Math.min(Math.max(Math.round(x / scale) + zeroPoint, 0), 255);
    return sum + (scale * (q - zeroPoint) - x) ** 2;
  }, 0);
}

/** Roughly normal, from a fixed sequence. */
function bellCurve(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const uniform = (k: number) => ((i * 2654435761 + k * 40503) % 65536) / 65536;
    return [1, 2, 3, 4, 5, 6].reduce((sum, k) => sum + uniform(k * k * k), 0) - 3;
  });
}

for (const name of observerNames) {
  test(`${name}: nothing seen, empty tensors and zeros give the range [0, 0]`, () => {
    assert.deepEqual(rangeOf(name), { min: 0, max: 0 });
    assert.deepEqual(rangeOf(name, new Float32Array(0)), { min: 0, max: 0 });
    assert.deepEqual(affineParams(rangeOf(name, new Float32Array(9)), 'uint8').scale, 1);
  });

  test(`${name}: a constant tensor comes back exactly`, () => {
    const { scale, zeroPoint } = affineParams(rangeOf(name, new Float32Array(9).fill(-3)), 'uint8');
    assert.equal(Math.fround(scale * (0 - zeroPoint)), -3);
  });

  if (name === 'moving-average') continue;
  test(`${name}: the range does not depend on the order of the samples`, () => {
    const value = fc.float({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.array(value, { maxLength: 20 }), { maxLength: 8 }), (lists) => {
        const batches = lists.map((list) => Float32Array.from(list));
        assert.deepEqual(rangeOf(name, ...batches), rangeOf(name, ...batches.toReversed()));
      }),
      { seed: 7, numRuns: 60 },
    );
  });
}

test('min-max is the extremes', () => {
  assert.deepEqual(rangeOf('min-max', Float32Array.of(1, -2), Float32Array.of(5)), { min: -2, max: 5 });
});

test('mse clips an outlier that would cost all other values their resolution', () => {
  // Worth it by the sum of squares: 300,000 values in [-3, 3] gain more than one loses.
  const values = Float32Array.from([...bellCurve(300_000), 10]);
  const clipped = rangeOf('mse', values);
  assert.ok(clipped.max < 9, `expected the outlier at 10 to be clipped, got ${clipped.max}`);
  const gain = squaredError(values, rangeOf('min-max', values)) / squaredError(values, clipped);
  assert.ok(gain > 1.05, `expected less error than min-max, got a ratio of ${gain}`);
});

test('mse is never more than 2 % worse than min-max by the true error, whatever the values', () => {
  const value = fc.float({ min: -100, max: 100, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), (list) => {
      const values = Float32Array.from(list.flatMap((x) => [x, x / 2, x / 3]));
      const { min, max } = rangeOf('min-max', values);
      const [ours, theirs] = [squaredError(values, rangeOf('mse', values)), squaredError(values, { min, max })];
      // A bin is an eighth of a step or less, so bin centres stand for values within 1/16 of a step.
      const step = (Math.max(max, 0) - Math.min(min, 0)) / 255;
      assert.ok(ours <= theirs * 1.02 + values.length * (step / 8) ** 2, `${ours} against ${theirs}`);
    }),
    { seed: 11, numRuns: 100 },
  );
});

test('a moving average is the mean of the first hundred samples, and then forgets 1 % with each', () => {
  const samples = Array.from({ length: 100 }, (_, i) => Float32Array.of(-i, 2 * i));
  const { min, max } = rangeOf('moving-average', ...samples, new Float32Array(0));
  assert.ok(Math.abs(min + 49.5) < 1e-9 && Math.abs(max - 99) < 1e-9, `${min} ${max}`);
  const after = rangeOf('moving-average', ...samples, Float32Array.of(-49.5, 199));
  assert.ok(Math.abs(after.max - 100) < 1e-9, `${after.max}`);
});

test('percentile keeps all but ten in a million, by magnitude, to within a bin', () => {
  const values = bellCurve(1_000_000).map((x) => x ** 3 + 1);
  const { min, max } = rangeOf('percentile', values);
  const expected = values.map(Math.abs).sort().at(-11)!;
  const bin = 2 ** Math.ceil(Math.log2(28)) / 4096;
  assert.ok(Math.abs(max - expected) <= bin, `${max} against ${expected}`);
  assert.ok(Math.abs(min - Math.max(-expected, rangeOf('min-max', values).min)) <= bin, `${min}`);
});

test('percentile cuts an outlier of either sign off, and keeps a bound that was never reached at what was seen', () => {
  const values = new Float32Array(400_000).fill(1);
  values[7] = -5;
  const { min, max } = rangeOf('percentile', values);
  assert.ok(min > -1.01 && max === 1, `[${min}, ${max}]`);
});

test('entropy clips a tail that hardly any value is in, and keeps what is evenly spread', () => {
  const tailed = Float32Array.from([...bellCurve(200_000), 30]);
  const { min, max } = rangeOf('entropy', tailed);
  assert.ok(max < 12 && max > 1.5 && min < -1, `[${min}, ${max}]`);
  const even = Float32Array.from({ length: 100_000 }, (_, i) => i / 100_000 - 0.25);
  const kept = rangeOf('entropy', even);
  assert.ok(kept.min < -0.24 && kept.max > 0.72, `[${kept.min}, ${kept.max}]`);
});

for (const name of observerNames)
  test(`${name}: values near float32's limits still give a finite range that contains zero after widening`, () => {
    for (const magnitude of [1e-45, 1e-38, 1.5e38]) {
      const { min, max } = rangeOf(name, Float32Array.of(magnitude, -magnitude, magnitude / 3));
      assert.ok(Number.isFinite(min) && Number.isFinite(max) && min <= max, `${magnitude}: [${min}, ${max}]`);
      assert.ok(Number.isFinite(affineParams({ min, max }, 'uint8').scale));
    }
  });
