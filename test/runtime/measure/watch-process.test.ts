import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PowerMeter } from '../../../runtime/hardware/power.ts';
import { readingsUnder } from '../../../runtime/hardware/readings.ts';
import { type Sample, summarizeWatch, watchProcess } from '../../../runtime/measure/watch-process.ts';

const meter: PowerMeter = { name: 'VDD_IN', scope: 'board', source: { kind: 'power', path: '/x', wattsPerDigit: 1 } };
const sample = (atMs: number, pssBytes: number, watts: number | null): Sample => ({
  atMs,
  memory: { pssBytes, peakBytes: null, residentBytes: null },
  meter: watts,
});

describe('watching a process from outside', () => {
  it('sums up only what was seen while it measured', () => {
    const samples = [
      sample(0, 900, 9),
      sample(1000, 100, 2),
      sample(2000, 140, 4),
      sample(3000, 120, 4),
      sample(9000, 1, 0),
    ];
    assert.deepEqual(summarizeWatch(samples, 500, 4000, meter), {
      steadyPssBytes: 120,
      peakPssBytes: 140,
      memoryReadings: 3,
      watts: 3.5,
    });
  });

  it('knows no power without a meter, from one reading, or when the meter fell silent', () => {
    const samples = [sample(0, 1, 2), sample(1000, 1, null)];
    assert.equal(summarizeWatch(samples, 0, 2000, undefined).watts, null);
    assert.equal(summarizeWatch(samples, 0, 500, meter).watts, null);
    assert.equal(summarizeWatch(samples, 0, 2000, meter).watts, null);
    assert.equal(summarizeWatch([], 0, 2000, meter).steadyPssBytes, null);
  });

  it('reads the memory of a real process at every interval, until it is disposed of', (test) => {
    test.mock.timers.enable({ apis: ['setInterval'] });
    const watch = watchProcess(process.pid, 100, readingsUnder('/'), undefined);
    test.mock.timers.tick(350);
    watch[Symbol.dispose]();
    test.mock.timers.tick(1000);
    assert.equal(watch.samples.length, 3);
    assert.ok(watch.samples.every(({ memory }) => memory.pssBytes! > 0));
  });
});
