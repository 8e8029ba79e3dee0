import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Call,
  callsPerReading,
  clockTickUs,
  isSettled,
  monotonicUs,
  summarizeTimes,
  timeCalls,
  warmUp,
} from '../../../runtime/measure/timing.ts';

/** A clock that calls move forward, in steps of `tickUs`. */
function fakeClock(tickUs: number) {
  let trueUs = 0;
  return {
    now: () => Math.floor(trueUs / tickUs) * tickUs,
    /** A call that takes the given times in turn, the last one from then on. */
    call:
      (...timesUs: number[]): Call =>
      async () => {
        trueUs += timesUs.length > 1 ? timesUs.shift()! : timesUs[0]!;
      },
  };
}

describe('timing calls', () => {
  it('times several calls at once when the clock is too coarse for one', async () => {
    const { now, call } = fakeClock(1000);
    const perReading = callsPerReading(30, 1000);
    assert.ok(perReading * 30 >= 100 * 1000);
    const [oneByOne] = await timeCalls(call(30), 1, 1, now);
    const [together] = await timeCalls(call(30), 1, perReading, now);
    assert.equal(oneByOne, 0);
    assert.ok(Math.abs(together! - 30) <= 0.3);
  });

  it('times single calls when the clock is fine enough', () => {
    assert.equal(callsPerReading(300, 0.1), 1);
    assert.ok(clockTickUs(monotonicUs) < 100);
  });

  it('summarises into percentiles, mean and number', () => {
    const times = Array.from({ length: 101 }, (_, index) => index);
    const { quantilesUs, ...summary } = summarizeTimes(times.toReversed());
    assert.deepEqual(summary, { p50Us: 50, p90Us: 90, p95Us: 95, p99Us: 99, meanUs: 50, calls: 101 });
    assert.deepEqual(quantilesUs.map(Math.round), times);
  });
});

describe('warming up', () => {
  it('lasts until three windows agree within ten per cent', async () => {
    const { now, call } = fakeClock(1);
    const slowing = [...new Array<number>(5).fill(9000), ...new Array<number>(5).fill(4000)];
    const warm = await warmUp(call(...slowing, 1000), 60_000, now);
    assert.deepEqual(warm, { callUs: 1000, isStable: true });
    // 10 slow calls, then three windows of 5, 5 and 10 calls of 1 ms (the third sized to 10 ms).
    assert.ok(now() >= 5 * 9000 + 5 * 4000 + 15 * 1000);
  });

  it('gives up when the budget is spent, and says so', async () => {
    const { now, call } = fakeClock(1);
    const growing = Array.from({ length: 5000 }, (_, index) => 100 * 1.05 ** Math.min(index, 200));
    const warm = await warmUp(call(...growing), 500, now);
    assert.equal(warm.isStable, false);
  });

  it('compares three windows, no fewer', () => {
    assert.equal(isSettled([100, 100]), false);
    assert.equal(isSettled([300, 100, 104, 98]), true);
    assert.equal(isSettled([100, 100, 120]), false);
  });
});
