import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { energyOf, findPowerMeters, type PowerMeter, readMeter } from '../../../runtime/hardware/power.ts';
import type { Readings } from '../../../runtime/hardware/readings.ts';

/** Files in memory: path → text. */
function readingsOf(files: Readonly<Record<string, string>>): Readings {
  const text = (path: string) => files[path];
  return {
    text,
    number: (path) => (text(path) === undefined ? undefined : Number(text(path))),
    names: (folder) => [
      ...new Set(
        Object.keys(files).flatMap((path) =>
          path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1).split('/')[0]!] : [],
        ),
      ),
    ],
  };
}

const counter: PowerMeter = {
  name: 'package-0',
  scope: 'processor',
  source: { kind: 'energy', path: '/x', wrapJoules: 1000 },
};
const sensor: PowerMeter = {
  name: 'VDD_IN',
  scope: 'board',
  source: { kind: 'power', path: '/x', wattsPerDigit: 1e-6 },
};

describe('power meters', () => {
  it('are found as RAPL counters and as hwmon sensors of power, the board before the processor', () => {
    const readings = readingsOf({
      '/sys/class/powercap/intel-rapl:0/name': 'package-0',
      '/sys/class/powercap/intel-rapl:0/energy_uj': '2500000',
      '/sys/class/powercap/intel-rapl:0/max_energy_range_uj': '262143328850',
      '/sys/class/powercap/intel-rapl:0:0/name': 'core',
      '/sys/class/hwmon/hwmon2/name': 'ina226',
      '/sys/class/hwmon/hwmon2/power1_label': 'total',
      '/sys/class/hwmon/hwmon2/power1_input': '3250000',
    });
    const meters = findPowerMeters(readings);
    assert.deepEqual(
      meters.map((meter) => [meter.name, meter.scope, readMeter(meter, readings)]),
      [
        ['total', 'board', 3.25],
        ['package-0', 'processor', 2.5],
      ],
    );
  });

  it('are none on a board without, and read as nothing when they refuse', () => {
    assert.deepEqual(findPowerMeters(readingsOf({})), []);
    assert.equal(readMeter(sensor, readingsOf({})), null);
  });
});

describe('energy', () => {
  it('is the difference of a counter, also across its wrap', () => {
    const samples = [900, 980, 20].map((value, index) => ({ atMs: index * 1000, value }));
    assert.equal(energyOf(counter, samples), 120);
  });

  it('is the integral of power over time', () => {
    const samples = [
      { atMs: 0, value: 2 },
      { atMs: 500, value: 4 },
      { atMs: 2500, value: 4 },
    ];
    assert.equal(energyOf(sensor, samples), 1.5 + 8);
  });

  it('is unknown from one reading, or when one is missing', () => {
    assert.equal(energyOf(sensor, [{ atMs: 0, value: 2 }]), null);
    for (const missing of [0, 1, 2]) {
      const samples = [0, 1, 2].map((at) => ({ atMs: at, value: at === missing ? null : 2 }));
      assert.equal(energyOf(sensor, samples), null);
    }
  });
});
