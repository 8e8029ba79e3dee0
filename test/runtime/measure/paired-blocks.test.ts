import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Round } from '../../../runtime/measure/messages.ts';
import { blockCalls, runPairedBlocks, speedupOf } from '../../../runtime/measure/paired-blocks.ts';

/** Two fake models on one fake clock, whose machine slows down by `drift` with every microsecond that passes. */
function machine(drift: number) {
  let nowUs = 0;
  const order: string[] = [];
  const model = (name: string, us: number) => async () => {
    if (order.at(-1) !== name) order.push(name);
    nowUs += us * (1 + drift * nowUs);
  };
  return { now: () => (nowUs += 0.01), model, order };
}

describe('alternating blocks', () => {
  it('find the true ratio on a machine that gets slower all the time', async () => {
    const { now, model } = machine(2e-7);
    const options = { baselineUs: 300, variantUs: 200, budgetMs: 3000, now };
    const { rounds, baseline, variant } = await runPairedBlocks(model('a', 300), model('b', 200), options);
    const speedup = speedupOf(rounds, 'latency');
    assert.ok(Math.abs(speedup.value - 1.5) < 0.01, `speedup ${speedup.value}`);
    assert.ok(speedup.low < 1.5 && speedup.high > 1.5);
    // The drift is real: the first blocks took less than half of what the last took.
    assert.ok(baseline.p99Us > 1.4 * baseline.p50Us || rounds.at(-1)!.baselineP50Us > 1.4 * rounds[0]!.baselineP50Us);
    assert.ok(variant.calls === baseline.calls);
  });

  it('let the models take turns in going first', async () => {
    const { now, model, order } = machine(0);
    const options = { baselineUs: 300, variantUs: 200, budgetMs: 10, now };
    const { rounds } = await runPairedBlocks(model('a', 300), model('b', 200), options);
    assert.deepEqual(
      rounds.slice(0, 3).map(({ baselineFirst }) => baselineFirst),
      [true, false, true],
    );
    // a b | b a | a b: blocks of the same model join where rounds meet.
    assert.deepEqual(order.slice(0, 4), ['a', 'b', 'a', 'b']);
  });

  it('leave out the first tenth of each block, which finds cold caches', async () => {
    let nowUs = 0;
    let last = '';
    const model = (name: string) => async () => {
      nowUs += last === name ? 100 : 5000;
      last = name;
    };
    const options = { baselineUs: 100, variantUs: 100, budgetMs: 100, now: () => (nowUs += 0.01) };
    const { baseline, variant, callsPerBlock } = await runPairedBlocks(model('a'), model('b'), options);
    assert.ok(callsPerBlock >= 10);
    assert.ok(baseline.p99Us < 101 && variant.p99Us < 101);
  });

  it('do not let one burst of a neighbour decide the mean', async () => {
    let [nowUs, calls] = [0, 0];
    const model = async () => {
      nowUs += ++calls === 500 ? 1_000_000 : 100;
    };
    const options = { baselineUs: 100, variantUs: 100, budgetMs: 1100, now: () => (nowUs += 0.01) };
    const { baseline, variant } = await runPairedBlocks(model, model, options);
    assert.ok(baseline.meanUs < 101 && variant.meanUs < 101);
  });

  it('do eight rounds even when the budget is spent, and shorter ones for slow models', async () => {
    const { now, model } = machine(0);
    const options = { baselineUs: 100_000, variantUs: 90_000, budgetMs: 1000, now };
    const { rounds, callsPerBlock } = await runPairedBlocks(model('a', 100_000), model('b', 90_000), options);
    assert.equal(rounds.length, 8);
    assert.equal(callsPerBlock, 3);
    assert.equal(blockCalls(300, 4000), 100);
  });
});

describe('the speed-up of rounds', () => {
  const round = (baseline: number, variant: number, meanFactor = 1): Round => ({
    baselineFirst: true,
    baselineP50Us: baseline,
    variantP50Us: variant,
    baselineMeanUs: baseline * meanFactor,
    variantMeanUs: variant,
  });

  it('is not moved by one disturbed round', () => {
    const rounds = [...Array.from({ length: 20 }, () => round(200, 100)), round(200, 1000)];
    assert.equal(speedupOf(rounds, 'latency').value, 2);
  });

  it('takes means for throughput and medians for latency', () => {
    const rounds = Array.from({ length: 10 }, () => round(200, 100, 1.5));
    assert.equal(speedupOf(rounds, 'latency').value, 2);
    assert.equal(speedupOf(rounds, 'throughput').value, 3);
  });

  it('never takes a model for surely faster than itself because one process favoured it by a per cent', () => {
    const rounds = Array.from({ length: 100 }, () => round(101, 100));
    assert.ok(speedupOf(rounds, 'latency').low < 1);
  });
});
