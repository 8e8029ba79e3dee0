import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { judgeDecisions } from '../../../runtime/measure/accuracy.ts';
import type { Estimate } from '../../../runtime/measure/statistics.ts';
import { choose } from '../../../runtime/select/choose.ts';
import type { Contender } from '../../../runtime/select/contender.ts';

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
  isFloat32: true,
  peakMemoryBytes: 140 * MiB,
  memoryIncrementBytes: 20 * MiB,
  latencyP95Us: 1000,
  speedup: { value: 1, low: 1, high: 1 },
  throughputGain: { value: 1, low: 1, high: 1 },
  joulesPerSample: null,
  accuracy: null,
  failure: null,
  rounds: 0,
};

function contender(name: string, speedup: number, changes: Partial<Contender> = {}): Contender {
  const estimate = around(speedup);
  const figures = { speedup: estimate, throughputGain: estimate, accuracy: losing(0), latencyP95Us: 1000 / speedup };
  return { ...float32, name, isFloat32: false, peakMemoryBytes: 138 * MiB, rounds: 2, ...figures, ...changes };
}

const latency = { objective: 'latency' } as const;

describe('choosing', () => {
  it('takes the fastest, and says by how much and at what cost', () => {
    const { outcome, chosen, verdict } = choose(
      [float32, contender('a', 1.5), contender('b', 2, { accuracy: losing(1) })],
      latency,
    );
    assert.deepEqual([outcome, chosen], ['met', 'b']);
    assert.match(verdict, /^b: 2\.00 times as fast as float32 \(1\.97 to 2\.03\); loses 0\.10 points on 1,000 windows/);
  });

  it('gives a tie to the simpler variant', () => {
    const { chosen, reasons } = choose([float32, contender('simple', 1.5), contender('involved', 1.54)], latency);
    assert.equal(chosen, 'simple');
    assert.match(reasons.involved!, /no advantage worth having over simple, which is simpler: 1\.54 times/);
  });

  it('takes the better of two that are apart, however unsure the figure of the simpler one', () => {
    const unsure = contender('unsure', 1.3, { speedup: around(1.3, 0.5) });
    assert.equal(
      choose([float32, { ...unsure, speedup: { ...unsure.speedup!, low: 1.01 } }, contender('sure', 1.6)], latency)
        .chosen,
      'sure',
    );
  });

  it('holds a p95 that is asked for, and the memory above an empty process', () => {
    const all = [float32, contender('a', 1.5), contender('b', 2, { memoryIncrementBytes: 30 * MiB })];
    assert.equal(choose(all, { ...latency, latencyP95Us: 700 }).chosen, 'b');
    const both = choose(all, { ...latency, latencyP95Us: 700, memoryIncrementBytes: 25 * MiB });
    assert.equal(both.chosen, 'a');
    assert.match(both.reasons.b!, /needs 30\.0 MiB above an empty process, 25\.0 MiB are allowed/);
    const none = choose(all, { ...latency, latencyP95Us: 400 });
    assert.deepEqual([none.outcome, none.chosen], ['closest', 'b']);
    assert.match(none.verdict, /b comes closest: p95 is 500 µs, 400 µs are allowed/);
  });

  it('takes the least energy where that is wanted and was metered', () => {
    const joules = (value: number) => ({ joulesPerSample: around(value, value * 0.02) });
    const all = [
      { ...float32, ...joules(0.002) },
      contender('frugal', 1.2, joules(0.001)),
      contender('fast', 2, joules(0.0015)),
    ];
    const { chosen, verdict } = choose(all, { objective: 'energy' });
    assert.equal(chosen, 'frugal');
    assert.match(verdict, /1\.00 mJ a sample/);
  });

  it('says of each what became of it: beaten, refused, left early, failed, no time', () => {
    const early = { accuracy: null, peakMemoryBytes: null, memoryIncrementBytes: null };
    const { fates, reasons } = choose(
      [
        float32,
        contender('best', 2),
        contender('good', 1.5),
        contender('lossy', 3, { accuracy: losing(30) }),
        contender('early', 1.1, { ...early, rounds: 1 }),
        contender('late', 1, { ...early, rounds: 0, speedup: null, throughputGain: null }),
        contender('dead', 1, { ...early, speedup: null, failure: 'a crash in native code (SIGSEGV)' }),
      ],
      latency,
    );
    assert.deepEqual(fates, {
      ...{ float32: 'beaten', best: 'chosen', good: 'beaten', lossy: 'refused' },
      ...{ early: 'left', late: 'untimed', dead: 'failed' },
    });
    assert.match(reasons.early!, /left after the first round at 1\.10 times; best is at 2\.00 times/);
    assert.match(reasons.late!, /no time was left for it: raise --time/);
  });

  it('lets float32 itself run slower where memory counts, and no variant', () => {
    const slow = { speedup: around(0.9), throughputGain: around(0.9), peakMemoryBytes: 100 * MiB };
    const settings = contender('float32, no arena', 0.9, { ...slow, isFloat32: true, accuracy: null });
    assert.equal(choose([float32, settings], { objective: 'memory' }).chosen, 'float32, no arena');
    assert.equal(choose([float32, contender('int8', 0.9, slow)], { objective: 'memory' }).chosen, 'float32');
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
        if (outcome === 'closest') return assert.ok(float32.peakMemoryBytes! > limit * MiB);
        assert.ok(winner.speedup!.low >= 1);
        assert.ok(winner.peakMemoryBytes! <= limit * MiB);
        assert.ok(winner === float32 || winner.accuracy!.verdict === 'within');
      }),
    );
  });
});
