import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { judgeDecisions } from '../../../runtime/measure/accuracy.ts';
import type { Estimate } from '../../../runtime/measure/statistics.ts';
import { type Contender, choose } from '../../../runtime/select/choose.ts';

const MiB = 1024 * 1024;
const budget = { maxDrop: 0.01, maxDisagreement: 0.02 };

/** A true accuracy verdict: `lost` of `windows` decisions go wrong. */
function losing(lost: number, windows = 1000) {
  const right = new Array<number>(windows).fill(0);
  return judgeDecisions(
    right,
    right.map((_, index) => (index < lost ? 1 : 0)),
    right,
    budget,
  );
}

const around = (value: number, reach = 0.03): Estimate => ({ value, low: value - reach, high: value + reach });

const float32: Contender = {
  name: 'float32',
  peakMemoryBytes: 140 * MiB,
  speedup: { value: 1, low: 1, high: 1 },
  throughputGain: { value: 1, low: 1, high: 1 },
  accuracy: null,
  failure: null,
};

function contender(name: string, speedup: number, changes: Partial<Contender> = {}): Contender {
  const estimate = around(speedup);
  const figures = { speedup: estimate, throughputGain: estimate, accuracy: losing(0) };
  return { ...float32, name, peakMemoryBytes: 138 * MiB, ...figures, ...changes };
}

const latency = { objective: 'latency' } as const;

describe('choosing', () => {
  it('turns with the board: what wins with dot product or VNNI loses on a processor without', () => {
    // One model with speed-ups from the published range of each kind of processor (A72, A76, x86 with VNNI).
    const boards = { a72: [0.96, 0.95], a76: [2.4, 2.1], vnni: [1.52, 1.5] } as const;
    const chosen = Object.entries(boards).map(
      ([, [minMax, mse]]) => choose([float32, contender('min-max', minMax), contender('mse', mse)], latency).chosen,
    );
    assert.deepEqual(chosen, ['float32', 'min-max', 'min-max']);
  });

  it('takes the fastest, and says by how much and at what cost', () => {
    const { outcome, chosen, verdict } = choose(
      [float32, contender('a', 1.5), contender('b', 2, { accuracy: losing(1) })],
      latency,
    );
    assert.deepEqual([outcome, chosen], ['met', 'b']);
    assert.match(verdict, /^b: 2\.00 times as fast as float32 \(1\.97 to 2\.03\); loses 0\.10 points on 1,000 windows/);
  });

  it('gives a tie to the simpler variant', () => {
    const { chosen, reasons } = choose([float32, contender('simple', 1.5), contender('involved', 1.52)], latency);
    assert.equal(chosen, 'simple');
    assert.match(reasons.involved!, /no measurable advantage over simple/);
  });

  it('never takes what is not surely faster than float32', () => {
    const { chosen, reasons } = choose([float32, contender('even', 1.02), contender('slow', 0.8)], latency);
    assert.equal(chosen, 'float32');
    assert.match(reasons.even!, /not surely faster than float32: 1\.02 times/);
    assert.match(reasons.slow!, /^slower than float32: 0\.80 times/);
  });

  it('never takes what costs more accuracy than the budget', () => {
    const { chosen, reasons } = choose([float32, contender('lossy', 3, { accuracy: losing(30) })], latency);
    assert.equal(chosen, 'float32');
    assert.match(reasons.lossy!, /loses 3\.00 points on 1,000 windows, 1\.00 allowed/);
  });

  it('says how many windows are missing instead of keeping float32 silently', () => {
    const { chosen, verdict } = choose([float32, contender('promising', 2, { accuracy: losing(0, 100) })], latency);
    assert.equal(chosen, 'float32');
    assert.match(verdict, /Not decided: promising \(2\.00×\): 168 more held-out windows needed/);
  });

  it('goes on when a trial failed, with its reason', () => {
    const failed = contender('crashed', 0, {
      failure: 'a crash in native code (SIGSEGV)',
      speedup: null,
      accuracy: null,
    });
    const { chosen, reasons } = choose([float32, failed, contender('good', 1.5)], latency);
    assert.equal(chosen, 'good');
    assert.equal(reasons.crashed, 'failed: a crash in native code (SIGSEGV)');
  });

  it('judges throughput by means, not medians', () => {
    const steady = contender('steady', 1.5, { throughputGain: around(1.5) });
    const spiky = contender('spiky', 1.8, { throughputGain: around(1.2) });
    assert.equal(choose([float32, steady, spiky], { objective: 'throughput' }).chosen, 'steady');
    assert.equal(choose([float32, steady, spiky], latency).chosen, 'spiky');
  });

  it('takes the smallest for memory, if the difference is real', () => {
    const [small, tiny] = [
      contender('small', 1.5, { peakMemoryBytes: 139 * MiB }),
      contender('tiny', 1.2, { peakMemoryBytes: 100 * MiB }),
    ];
    assert.equal(choose([float32, small, tiny], { objective: 'memory' }).chosen, 'tiny');
    assert.equal(choose([float32, small], { objective: 'memory' }).chosen, 'float32');
  });

  it('names what came closest, and by what it missed, when nothing fits', () => {
    const constraints = { objective: 'latency', memoryBytes: 100 * MiB } as const;
    const closest = choose([float32, contender('close', 2, { peakMemoryBytes: 101 * MiB })], constraints);
    assert.deepEqual([closest.outcome, closest.chosen], ['closest', 'close']);
    assert.match(
      closest.verdict,
      /^Nothing meets the constraints; close comes closest: needs 101 MiB of memory, 100 MiB are allowed/,
    );
  });

  it('keeps every promise on any figures', () => {
    const anyEstimate = fc.tuple(
      fc.double({ min: 0.1, max: 5, noNaN: true }),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
    );
    const anyContender = fc.record({
      speed: anyEstimate,
      memory: fc.integer({ min: 50, max: 200 }),
      lost: fc.integer({ min: 0, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(anyContender, { maxLength: 5 }), fc.integer({ min: 50, max: 250 }), (made, limit) => {
        const others = made.map(({ speed: [value, reach], memory, lost }, index) =>
          contender(`v${index}`, value, {
            speedup: around(value, reach),
            peakMemoryBytes: memory * MiB,
            accuracy: losing(lost),
          }),
        );
        const all = [float32, ...others];
        const { outcome, chosen, reasons } = choose(all, { objective: 'latency', memoryBytes: limit * MiB });
        const winner = all.find(({ name }) => name === chosen)!;
        assert.equal(Object.keys(reasons).length, all.length);
        assert.ok(Object.values(reasons).every((reason) => reason !== ''));
        if (outcome === 'closest') return assert.ok(float32.peakMemoryBytes > limit * MiB);
        assert.ok(winner.speedup!.low >= 1);
        assert.ok(winner.peakMemoryBytes <= limit * MiB);
        assert.ok(winner === float32 || winner.accuracy!.verdict === 'within');
      }),
    );
  });
});
