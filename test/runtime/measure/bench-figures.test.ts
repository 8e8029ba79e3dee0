import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PowerMeter } from '../../../runtime/hardware/power.ts';
import { energyFrom, sustainedFrom, throughputOf } from '../../../runtime/measure/bench-figures.ts';
import type { BenchResult, BenchWindow } from '../../../runtime/measure/bench-messages.ts';

const window = (
  queries: number,
  p50Us: number,
  temperatureC: number | null,
  kind?: 'throttled' | 'starved',
): BenchWindow => ({
  ...{ atMs: 0, durationMs: 1000, queries, p50Us, p90Us: p50Us, p99Us: p50Us },
  thermals: {
    temperatureC,
    ...{ sensor: null, throttled: null, throttledSinceBoot: null },
    ...{ frequencyMHz: null, maxFrequencyMHz: null, governor: null },
  },
  disturbances: kind ? [{ kind, text: kind }] : [],
});

const result: BenchResult = {
  kind: 'bench',
  ...{ loadMs: 1, firstUs: 1, peakBytes: 1, isStable: true, warmUpMs: 1, isBatched: false, clockTickUs: 1 },
  ...{ queriesPerReading: 1, timesUs: Float64Array.of(1), fromMachineMs: 0, toMachineMs: 1, engineVersion: '1' },
  windows: [window(100, 10, 40), window(40, 25, 40, 'starved'), window(120, 10, 40)],
  kept: [0, 2],
  sustained: [],
};
const rail: PowerMeter = { name: 'VDD_IN', scope: 'board', source: { kind: 'power', path: '/x', wattsPerDigit: 1 } };
const watched = { steadyPssBytes: null, peakPssBytes: null, memoryReadings: 0 };

describe('the figures of a bench', () => {
  it('count samples per second in the kept windows only', () => {
    assert.equal(throughputOf(result, 1), 110);
    assert.equal(throughputOf(result, 8), 880);
  });

  it('divide the power by the rate of all windows, which is what the meter saw', () => {
    const { energy } = energyFrom({ ...watched, watts: 5.2 }, rail, [], result, 1);
    assert.ok(Math.abs(energy!.joulesPerSample - 5.2 / (260 / 3)) < 1e-12);
  });

  it('say why there is no energy', () => {
    const noteOf = (...[meter, rails]: [PowerMeter | undefined, Parameters<typeof energyFrom>[2]]) =>
      energyFrom({ ...watched, watts: null }, meter, rails, result, 1);
    assert.deepEqual(noteOf(undefined, []), { energy: null, energyNote: 'this device has no power meter' });
    const refused = { name: 'package-0', scope: 'processor', watts: null, isReadable: false } as const;
    assert.match(noteOf(undefined, [refused]).energyNote, /package-0: not readable/);
    assert.match(noteOf(rail, []).energyNote, /too few readings/);
  });

  it('compare the last fifth of a sustained run with the cold one', () => {
    assert.equal(sustainedFrom(result, 10), null);
    const heating = Array.from({ length: 10 }, (_, at) =>
      window(50, 10 + at, 50 + at, at > 7 ? 'throttled' : undefined),
    );
    const { windows, ...figures } = sustainedFrom({ ...result, sustained: heating }, 10)!;
    assert.deepEqual(figures, { coldP50Us: 10, p50Us: 18.5, ratio: 1.85, highestTemperatureC: 59, wasThrottled: true });
    assert.equal(windows.length, 10);
  });
});
