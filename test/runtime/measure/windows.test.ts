import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasEnough, keptOf, runWindows, type WindowTools } from '../../../runtime/measure/windows.ts';

const thermals = {
  temperatureC: 50,
  sensor: 'cpu-thermal',
  throttled: [],
  throttledSinceBoot: [],
  frequencyMHz: 1800,
  maxFrequencyMHz: 1800,
  governor: 'performance',
} as const;

/** A machine on which time passes only in queries. @param waits milliseconds lost to others, per window. */
function machine(waits: readonly number[], queryUs: (window: number) => number = () => 1000): WindowTools {
  let [nowUs, readings, waitedMs] = [0, 0, 0];
  const windowNow = () => Math.floor((readings - 1) / 2);
  return {
    query: async () => {
      nowUs += queryUs(windowNow());
    },
    queriesPerReading: 1,
    threads: 1,
    now: () => nowUs,
    readCounters: () => {
      readings += 1;
      if (readings % 2 === 0) waitedMs += waits[readings / 2 - 1] ?? 0;
      const none = { cpuMs: 0, involuntarySwitches: 0, majorFaults: 0, stolenTicks: 0, allTicks: 0 };
      return { atMs: nowUs / 1000, waitedMs, ...none, swappedIn: 0, heatEvents: 0 };
    },
    readThermals: () => thermals,
    rest: async () => {},
  };
}

const run = async (tools: WindowTools, wanted: number, most: number) =>
  (await runWindows(tools, 100, (done) => hasEnough(done, wanted, most))).map(({ window }) => window);

describe('windows of queries', () => {
  it('end when enough went undisturbed', async () => {
    const windows = await run(machine([]), 3, 6);
    assert.equal(windows.length, 3);
    assert.deepEqual(
      windows.map(({ atMs, queries, p50Us }) => [atMs, queries, p50Us]),
      [
        [0, 100, 1000],
        [100, 100, 1000],
        [200, 100, 1000],
      ],
    );
  });

  it('are repeated for those disturbed, and the figures are from the others alone', async () => {
    const windows = await run(
      machine([0, 50, 0, 60], (at) => (at % 2 === 1 ? 2000 : 1000)),
      3,
      6,
    );
    assert.deepEqual(keptOf(windows), [0, 2, 4]);
    assert.deepEqual(
      windows[1]!.disturbances.map(({ kind }) => kind),
      ['starved'],
    );
  });

  it('end at a bound on a machine that is never quiet, and then the fastest speaks alone', async () => {
    const windows = await run(
      machine(new Array<number>(20).fill(90), (at) => (at === 2 ? 1100 : 1500)),
      3,
      6,
    );
    assert.equal(windows.length, 6);
    assert.deepEqual(keptOf(windows), [2]);
  });

  it('are disturbed when the firmware throttles in between', async () => {
    let calls = 0;
    const tools: WindowTools = {
      ...machine([]),
      readThermals: () => ({ ...thermals, throttledSinceBoot: calls++ >= 3 ? ['throttled'] : [] }),
    };
    const windows = await run(tools, 3, 6);
    assert.deepEqual(
      windows.map(({ disturbances }) => disturbances.length),
      [0, 1, 0, 0],
    );
    assert.equal(windows[1]!.disturbances[0]!.text, 'the board was throttled');
  });

  it('time several queries at once where the clock is too coarse, and count them all', async () => {
    const [window] = await run({ ...machine([]), queriesPerReading: 10 }, 1, 1);
    assert.deepEqual([window!.queries, window!.p50Us], [100, 1000]);
  });
});
