import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome } from '../../../runtime/infer/decide.ts';
import type { Infer } from '../../../runtime/infer/inference.ts';
import { createInputCounters } from '../../../runtime/infer/input-counters.ts';
import { binOf, type InputProfile, stabilityIndex } from '../../../runtime/infer/input-profile.ts';
import { createShadow } from '../../../runtime/infer/shadow.ts';

const decides = (label: string, score = 1): { infer: Infer; calls: () => number } => {
  let calls = 0;
  const infer: Infer = async (): Promise<Outcome> => {
    calls += 1;
    return { label, score };
  };
  return { infer, calls: () => calls };
};
const window = Float32Array.of(1, 2);

describe('a shadow', () => {
  it('counts the windows on which the two differ, and asks the active model nothing twice', async () => {
    const [active, reference] = [decides('a'), decides('b')];
    const spec = { id: 'i', share: 1 };
    const parts = {
      spec,
      subject: active.infer,
      reference: reference.infer,
      active: active.infer,
      task: 'classify',
    } as const;
    const shadow = createShadow({ ...parts, random: () => 0 });
    await shadow.decided(window, { label: 'a', score: 1 });
    await shadow.decided(window, { label: 'b', score: 1 });
    assert.deepEqual(shadow.tally, { id: 'i', windows: 2, disagreements: 1 });
    assert.deepEqual([active.calls(), reference.calls()], [0, 2]);
  });

  it('samples a share of the windows', async () => {
    const [active, reference] = [decides('a'), decides('a')];
    let tick = 0;
    const random = () => (tick++ % 10) / 10;
    const parts = {
      subject: active.infer,
      reference: reference.infer,
      active: active.infer,
      task: 'classify',
      random,
    } as const;
    const shadow = createShadow({ ...parts, spec: { id: 'i', share: 0.2 } });
    for (let count = 0; count < 100; count += 1) await shadow.decided(window, { label: 'a', score: 1 });
    assert.deepEqual(shadow.tally, { id: 'i', windows: 20, disagreements: 0 });
  });

  it('runs both on windows of its own where the model takes others than the active one', async () => {
    const [active, subject, reference] = [decides('x'), decides('a'), decides('a')];
    const pipeline = { channels: [{ name: 'x', unit: '' }], rateHz: 1, window: { samples: 2, stride: 2 } };
    const parts = {
      subject: subject.infer,
      reference: reference.infer,
      active: active.infer,
      task: 'classify',
    } as const;
    const shadow = createShadow({ ...parts, pipeline, spec: { id: 'i', share: 1 }, random: () => 0 });
    const rows = Float32Array.of(1, 2, 3, 4, 5);
    await shadow.push({ rows, tUs: 0, discontinuity: true, firstSample: 0, spans: [] });
    await shadow.decided(window, { label: 'x', score: 1 });
    assert.deepEqual(shadow.tally, { id: 'i', windows: 2, disagreements: 0 });
  });

  it('takes numbers for equal within a twentieth of their usual size, and no answer for another one', async () => {
    const [active, reference] = [decides('value'), decides('value', 100)];
    const parts = { subject: active.infer, reference: reference.infer, active: active.infer, task: 'regress' } as const;
    const shadow = createShadow({ ...parts, spec: { id: 'i', share: 1 }, random: () => 0 });
    for (const score of [103, 97, 110]) await shadow.decided(window, { label: 'value', score });
    await shadow.decided(window, undefined);
    assert.deepEqual(shadow.tally, { id: 'i', windows: 4, disagreements: 2 });
  });
});

describe('input counters', () => {
  const profile: InputProfile = {
    ...{ windows: 1, inputSaturation: 0, outputSaturation: 0, naturalShift: 0 },
    ...{ input: { min: -1, max: 1 }, output: { min: 0, max: 5 } },
    channels: [
      { name: 'a', count: 1, edges: [0], shares: [0.5, 0.5] },
      { name: 'b', count: 2, edges: [10], shares: [0.5, 0.5] },
    ],
  };

  it('bin each channel of a window by its own borders', () => {
    const counters = createInputCounters(profile);
    counters.count(Float32Array.of(-1, 9, 11, 1, 12, 13), undefined, undefined);
    const { bins, windows } = counters.take();
    assert.deepEqual([windows, bins[0]!.slice(0, 2), bins[1]!.slice(0, 2)], [1, [1, 1], [1, 3]]);
    assert.equal(counters.take().windows, 0, 'taken once');
  });

  it('count what lies at the ends of what int8 can express', () => {
    const counters = createInputCounters(profile);
    const tensor = (values: number[]) =>
      ({ type: 'float32', dims: [values.length], data: Float32Array.from(values) }) as const;
    counters.count(new Float32Array(3), tensor([-1, 0, 0.5, 3]), tensor([0, 5, 2]));
    const { inputs, saturatedInputs, outputs, saturatedOutputs } = counters.take();
    assert.deepEqual([inputs, saturatedInputs, outputs, saturatedOutputs], [4, 2, 3, 2]);
  });
});

describe('the stability index', () => {
  it('is 0 for the same distribution and grows with the distance', () => {
    const shares = [0.25, 0.25, 0.25, 0.25];
    assert.equal(stabilityIndex(shares, [5, 5, 5, 5]), 0);
    const near = stabilityIndex(shares, [6, 5, 5, 4]);
    const far = stabilityIndex(shares, [20, 0, 0, 0]);
    assert.ok(near > 0 && near < 0.1 && far > 1);
  });

  it('bins by borders, with what equals a border above it', () => {
    assert.deepEqual(
      [-1, 0, 0.5, 1, 2, Number.NaN].map((value) => binOf([0, 1], value)),
      [0, 1, 1, 2, 2, 2],
    );
  });
});
