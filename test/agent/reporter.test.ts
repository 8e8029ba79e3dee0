import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reporter } from '../../agent/reporter.ts';
import { FakeClock } from '../support/fake-clock.ts';

describe('the reporter', () => {
  it('publishes the first change at once and what follows at most twice a second, the last one always', async () => {
    const clock = new FakeClock();
    const published: number[] = [];
    const reporter = new Reporter(() => published.push(clock.monotonicMs()), clock, new AbortController().signal);
    for (let count = 0; count < 100; count += 1) {
      reporter.changed();
      await clock.advance(10);
    }
    await clock.advance(1000);
    assert.deepEqual(published, [0, 500, 1000]);
  });

  it('is silent once the agent stops', async () => {
    const [clock, stop] = [new FakeClock(), new AbortController()];
    let published = 0;
    const reporter = new Reporter(() => (published += 1), clock, stop.signal);
    reporter.changed();
    reporter.changed();
    stop.abort();
    await clock.advance(1000);
    reporter.changed();
    assert.equal(published, 1);
  });
});
