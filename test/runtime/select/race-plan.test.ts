import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Contender } from '../../../runtime/select/contender.ts';
import { nextEntrant, planRounds } from '../../../runtime/select/race-plan.ts';

const costs = { startMs: 350, gateMs: 1500, together: 4 };
const latency = { objective: 'latency' } as const;

function contender(name: string, value: number, changes: Partial<Contender> = {}): Contender {
  const gain = { value, low: value * 0.98, high: value * 1.02 };
  return {
    ...{ name, isFloat32: false, peakMemoryBytes: null, memoryIncrementBytes: null, latencyP95Us: 1 },
    ...{ speedup: gain, throughputGain: gain, joulesPerSample: null, accuracy: null, failure: null, rounds: 1 },
    ...changes,
  };
}

describe('the plan of a race', () => {
  it('keeps a third of the field until two are left, and gives each round more time for each', () => {
    const plan = planRounds(14, 60_000, costs);
    assert.deepEqual(
      plan.map(({ entrants }) => entrants),
      [14, 5, 2],
    );
    const times = plan.map(({ budgetMs }) => budgetMs);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
  });

  it('keeps to the time it is given, but for what judging costs', () => {
    for (const leftMs of [15_000, 30_000, 60_000]) {
      const spent = planRounds(12, leftMs, costs).reduce((sum, { entrants, budgetMs }) => sum + entrants * budgetMs, 0);
      assert.ok(spent <= leftMs, `${spent} of ${leftMs}`);
    }
  });

  it('compares even where there is no time, for a moment', () => {
    assert.ok(planRounds(6, 0, costs).every(({ budgetMs }) => budgetMs > 0));
    assert.deepEqual(planRounds(0, 1000, costs), []);
  });

  it('looks twice at a single contender', () => {
    assert.deepEqual(
      planRounds(1, 60_000, costs).map(({ entrants }) => entrants),
      [1, 1],
    );
  });
});

describe('the next in a round', () => {
  const field = [contender('a', 1.5), contender('b', 1.9), contender('c', 1.88), contender('d', 1.1)];
  const next = (contenders: readonly Contender[], asked: string[], passed: string[], demands = {}) =>
    nextEntrant(contenders, new Set(asked), new Set(passed), { ...latency, ...demands })?.name;

  it('is the best that was not asked yet', () => {
    assert.equal(next(field, [], []), 'b');
    assert.equal(next(field, ['b'], ['b']), 'c');
  });

  it('is nobody when all others are clearly behind one that passed', () => {
    assert.equal(next(field, ['b', 'c'], ['b', 'c']), undefined);
  });

  it('is the next best when the leaders turned out to be useless', () => {
    const lossy = {
      verdict: 'exceeded',
      metric: 'net loss',
      value: 0.1,
      bound: 0.1,
      limit: 0.01,
      windows: 9,
    } as NonNullable<Contender['accuracy']>;
    const spoilt = field.map((one) => (one.name === 'b' || one.name === 'c' ? { ...one, accuracy: lossy } : one));
    assert.equal(next(spoilt, ['b', 'c'], []), 'a');
  });

  it('is never one that is slower than float32, failed or takes too long', () => {
    assert.equal(next([contender('slow', 0.8)], [], []), undefined);
    assert.equal(next([contender('dead', 2, { failure: 'a crash' })], [], []), undefined);
    assert.equal(next([contender('late', 2, { latencyP95Us: 900 })], [], [], { latencyP95Us: 500 }), undefined);
  });
});
