import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decisionsFrom, freshPoints, mergePoints, systemPointsFrom } from '../../../fleet/console/stream.ts';
import { decisions, system } from './fake-device.ts';

describe('telemetry points', () => {
  it('are read by their columns, times in milliseconds', () => {
    const [point] = decisionsFrom({ ...decisions(7, 1), pts: [[2_500_000, 7, 'walk', 0.5, 81.5, 'run']] });
    assert.deepEqual(point, {
      epoch: 'e1',
      seq: 7,
      tMs: 2500,
      label: 'walk',
      score: 0.5,
      latencyUs: 81.5,
      truth: 'run',
    });
  });

  it('of a live sensor carry no truth', () => {
    const [point] = decisionsFrom({ ...decisions(7, 1), pts: [[2_500_000, 7, 'walk', 0.5, 81.5]] });
    assert.equal('truth' in point!, false);
  });

  it('that are not points are left out without shifting the others', () => {
    const read = decisionsFrom({
      ...decisions(0, 2),
      pts: [['?'], [1000, 1, 'walk', 0.5, 80, 'run', 'a newer column']],
    });
    assert.deepEqual(
      read.map(({ seq, label }) => [seq, label]),
      [[1, 'walk']],
    );
  });

  it('of a device without a temperature sensor say null', () => {
    assert.equal(systemPointsFrom(system(0, 1, false))[0]?.temperatureC, null);
  });

  it('arrive in any order and repeatedly, and are the same in the end', () => {
    const all = decisionsFrom(decisions(0, 40));
    const arrivals = fc.array(fc.tuple(fc.nat(39), fc.nat(8)), { maxLength: 40 });
    fc.assert(
      fc.property(arrivals, (cuts) => {
        const batches = [...cuts.map(([start, length]) => all.slice(start, start + length)), all];
        const merged = batches.reduce<readonly (typeof all)[number][]>(
          (kept, batch) => mergePoints(kept, freshPoints(kept, batch, 100), 100),
          [],
        );
        assert.deepEqual(merged, all);
      }),
      { seed: 20261123 },
    );
  });
});
