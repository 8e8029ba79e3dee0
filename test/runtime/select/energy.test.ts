import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readingsUnder } from '../../../runtime/hardware/readings.ts';
import { energyFrom, requireMeter, usableMeter } from '../../../runtime/select/energy.ts';

const board = (name: string) => readingsUnder(join(import.meta.dirname, '../../boards', name));

describe('energy for a sample', () => {
  const meter = usableMeter(board('jetson-nano'))!;
  /** A reading every 100 ms. */
  const samples = (watts: readonly number[]) =>
    watts.map((value, at) => ({ atMs: at * 100, meter: value, memory: { pssBytes: null } as never }));

  it('is the power over the rate, from the meter that covers the whole board', () => {
    assert.equal(meter.scope, 'board');
    const energy = energyFrom(samples(new Array(12).fill(4)), 0, 1100, meter, 1000)!;
    assert.equal(energy.watts, 4);
    assert.deepEqual(energy.joulesPerSample, { value: 0.004, low: 0.004, high: 0.004 });
  });

  it('counts readings of the measurement only, and does not follow one that jumps', () => {
    const jumpy = [50, 4, 4, 4, 4, 9, 4, 4, 4, 4, 50];
    assert.equal(energyFrom(samples(jumpy), 100, 900, meter, 1000)!.watts, 4);
  });

  it('is unknown from too few readings', () => {
    assert.equal(energyFrom(samples([4, 4, 4]), 0, 300, meter, 1000), null);
  });

  it('cannot be an objective without a meter, which is said with what else to do', () => {
    assert.throws(() => requireMeter(board('raspberry-pi-4')), {
      code: 'PLATFORM_UNSUPPORTED',
      message: /expected a power meter, got none/,
      hint: /--objective latency/,
    });
    requireMeter(board('jetson-nano'));
  });
});
