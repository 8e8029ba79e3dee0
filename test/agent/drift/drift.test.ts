import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeTally, disagreementLimit, exceeds, Tallies } from '../../../agent/drift/disagreement.ts';
import { type DriftState, noDrift, noteInputs, suspicionOf } from '../../../agent/drift/input-drift.ts';
import { noteLateness, onTime } from '../../../agent/drift/lateness.ts';
import { type InputProfile, noCounts } from '../../../runtime/infer/input-profile.ts';

const profile: InputProfile = {
  ...{ windows: 512, input: { min: -2, max: 2 }, output: { min: 0, max: 1 } },
  ...{ inputSaturation: 0.0005, outputSaturation: 0, naturalShift: 0.3 },
  channels: [{ name: 'x', count: 1, edges: [1, 2, 3, 4, 5, 6, 7, 8, 9], shares: new Array(10).fill(0.1) }],
};
const policy = { windows: 1000, periods: 3 };
const even = { ...noCounts(1), windows: 1000, bins: [new Array(10).fill(100)], inputs: 10_000, outputs: 5000 };
const moved = { ...even, bins: [[0, 0, 0, 0, 0, 0, 0, 0, 500, 500]] };

describe('drift of the inputs', () => {
  it('is what lasts for several periods in a row, with its evidence', () => {
    let state: DriftState = noDrift;
    const found: (string | undefined)[] = [];
    for (const counts of [moved, moved, even, moved, moved, moved, even]) {
      const [next, evidence] = noteInputs(state, counts, profile, policy);
      [state] = [next];
      found.push(evidence);
    }
    assert.deepEqual(
      found.map((evidence) => evidence !== undefined),
      [false, false, false, false, false, true, false],
    );
    assert.match(found[5] ?? '', /^3 periods of 1000 windows in a row: x is distributed otherwise/);
  });

  it('is not what the calibration set varies by itself', () => {
    const slightly = { ...even, bins: [[50, 50, 50, 100, 100, 100, 100, 150, 150, 150]] };
    assert.equal(suspicionOf(slightly, profile), undefined);
  });

  it('is inputs or outputs at the ends of what int8 can express', () => {
    assert.equal(suspicionOf({ ...even, saturatedInputs: 50 }, profile), undefined);
    assert.match(suspicionOf({ ...even, saturatedInputs: 300 }, profile) ?? '', /3\.0 % of the inputs/);
    assert.match(suspicionOf({ ...even, saturatedOutputs: 250 }, profile) ?? '', /5\.0 % of the outputs/);
  });

  it('is counted over many small reports as over one', () => {
    let state: DriftState = noDrift;
    const tenth = { ...moved, windows: 100, bins: [moved.bins[0]!.map((count) => count / 10)] };
    let found: string | undefined;
    for (let report = 0; report < 30; report += 1) [state, found] = noteInputs(state, tenth, profile, policy);
    assert.notEqual(found, undefined);
  });
});

describe('disagreement with float32', () => {
  it('is judged by what the windows tell surely, not by what they happen to show', () => {
    assert.equal(exceeds({ windows: 20, disagreements: 2 }, 0.02), false, 'too few');
    assert.equal(exceeds({ windows: 64, disagreements: 20 }, 0.02), true);
    assert.equal(exceeds({ windows: 10_000, disagreements: 150 }, 0.02), false);
    assert.equal(exceeds({ windows: 10_000, disagreements: 400 }, 0.02), true);
    assert.equal(
      describeTally({ windows: 300, disagreements: 0 }),
      '0 of 300 live windows decided otherwise than float32: at most 1.0 % (95 %)',
    );
  });

  it('rolls back a variant within its budget less than once in a hundred lives', () => {
    const next = seededRandom(7);
    let wrong = 0;
    for (let life = 0; life < 300; life += 1) {
      let disagreements = 0;
      for (let windows = 1, look = 64; windows <= 8192; windows += 1) {
        if (next() < 0.02) disagreements += 1;
        if (windows < look) continue;
        look *= 2;
        if (exceeds({ windows, disagreements }, 0.02)) wrong += 1;
      }
    }
    assert.ok(wrong <= 3, `${wrong} of 300`);
  });

  it('may be what the selection accepted, unless the order says otherwise', () => {
    assert.equal(disagreementLimit({ ordered: undefined, budget: 0.02 }, { agreement: 0.96 }).toFixed(3), '0.080');
    assert.equal(disagreementLimit({ ordered: undefined, budget: 0.02 }, undefined), 0.02);
    assert.equal(disagreementLimit({ ordered: 0.01, budget: 0.02 }, { agreement: 0.9 }), 0.01);
  });

  it('is summed over the runner processes that counted it', () => {
    const tallies = new Tallies();
    tallies.note('a', { windows: 10, disagreements: 1 });
    tallies.note('a', { windows: 20, disagreements: 2 });
    assert.deepEqual(tallies.note('a', { windows: 5, disagreements: 1 }), { windows: 25, disagreements: 3 });
    assert.deepEqual(tallies.of('b'), { windows: 0, disagreements: 0 });
  });
});

describe('lateness', () => {
  it('is a model that is slower than its sensor, not a busy moment', () => {
    const group = (latencyUs: number) => Array.from({ length: 200 }, () => ({ latencyUs }));
    assert.equal(noteLateness(onTime, group(900), 1000)[1], false);
    assert.equal(noteLateness(onTime, [...group(900).slice(0, 150), ...group(5000).slice(0, 50)], 1000)[1], false);
    assert.equal(noteLateness(onTime, group(1100), 1000)[1], true);
  });
});

/** Mulberry32: 0 to 1. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
