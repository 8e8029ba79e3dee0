import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { outputErrorMeter } from '../../../../runtime/quantize/accuracy/output-error.ts';
import {
  rankSensitivity,
  revertUntil,
  type Sensitivity,
  type SensitivityMode,
} from '../../../../runtime/quantize/accuracy/sensitivity.ts';

function errorOf(noise: number) {
  return { noise, sqnrDb: -10 * Math.log10(noise), divergence: 0, changed: 0 };
}

function sensitivity(mode: SensitivityMode, whole: number, noises: Record<string, number>): Sensitivity {
  const units = Object.entries(noises).map(([node, noise]) => ({ node, opType: 'Conv', error: errorOf(noise) }));
  return { mode, whole: errorOf(whole), units };
}

const names = (ranked: readonly { node: string }[]) => ranked.map(({ node }) => node).join('');

test('without costs, the unit whose return to float removes most noise comes first', () => {
  const ranked = rankSensitivity(sensitivity('only-float', 0.1, { a: 0.09, b: 0.02, c: 0.11 }));
  assert.equal(names(ranked), 'bac');
  assert.ok(Math.abs(ranked[0]!.relief - 0.8) < 1e-12 && ranked[2]!.relief < 0);
});

test('measured alone in int8, the noisiest unit comes first', () => {
  assert.equal(names(rankSensitivity(sensitivity('only-int8', 0.1, { a: 0.01, b: 0.02, c: 0.05 }))), 'cba');
});

test('with costs, what is free comes first, then relief for each microsecond; what is unknown counts as dearest', () => {
  const measured = sensitivity('only-float', 1, { dear: 0.5, cheap: 0.8, free: 0.9, unknown: 0.6, harmful: 1.1 });
  const costs = new Map([
    ['dear', 50],
    ['cheap', 5],
    ['free', -1],
    ['harmful', -9],
  ]);
  assert.deepEqual(
    rankSensitivity(measured, costs).map(({ node }) => node),
    ['free', 'cheap', 'dear', 'unknown', 'harmful'],
  );
});

test('reverting finds the shortest beginning that meets the budget, in about 2·log₂(n) tries', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 70 }), async (count, needed) => {
      const ranked = Array.from({ length: count }, (_, i) => ({
        ...{ node: `${i}`, opType: 'Conv', relief: 0, costUs: undefined },
      }));
      const found = await revertUntil(ranked, async (inFloat) => inFloat.length >= needed);
      assert.equal(found.isMet, needed <= count);
      assert.equal(found.inFloat.length, Math.min(needed, count));
      assert.ok(found.tries <= 2 * Math.log2(count + 1) + 2, `${found.tries} tries for ${count}`);
    }),
    { seed: 3, numRuns: 200 },
  );
});

test('output error: equal outputs have none, and each measure sees its kind of difference', () => {
  const equal = outputErrorMeter();
  equal.add([1, 2], [1, 2]);
  assert.deepEqual(equal.error(), { noise: 0, sqnrDb: Number.POSITIVE_INFINITY, divergence: 0, changed: 0 });
  const meter = outputErrorMeter();
  meter.add([3, 4], [3, 4]);
  meter.add([Math.log(3), 0], [0, Math.log(3)]);
  const { noise, divergence, changed } = meter.error();
  const signal = 25 + Math.log(3) ** 2;
  assert.ok(Math.abs(noise - (2 * Math.log(3) ** 2) / signal) < 1e-12);
  // KL of (3/4, 1/4) from (1/4, 3/4) is ½·ln 3; the other sample has none.
  assert.ok(Math.abs(divergence - Math.log(3) / 4) < 1e-12);
  assert.equal(changed, 0.5);
});
