import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeDecisions, judgeOutputs } from '../../../runtime/measure/accuracy.ts';

const budget = { maxDrop: 0.01, maxDisagreement: 0.02 };
const zeros = (count: number): number[] => new Array<number>(count).fill(0);
/** `count` decisions of class 0, the first `changed` of them 1. */
const changedIn = (count: number, changed: number): number[] =>
  zeros(count).map((_, index) => (index < changed ? 1 : 0));

describe('judging decisions with labels', () => {
  it('accepts equal decisions on enough windows', () => {
    const judged = judgeDecisions(zeros(300), zeros(300), zeros(300), budget);
    assert.equal(judged.verdict, 'within');
    assert.equal(judged.accuracy, 1);
    assert.equal(judged.agreement, 1);
  });

  it('says how many more windows it takes when there are too few', () => {
    const judged = judgeDecisions(zeros(100), zeros(100), zeros(100), budget);
    assert.equal(judged.verdict, 'insufficient');
    // Nothing lost: 268 windows bound the loss at 1 %.
    assert.equal(judged.moreWindows, 168);
  });

  it('lets what is gained make up for what is lost', () => {
    const labels = zeros(2000);
    const baseline = changedIn(2000, 20);
    const variant = zeros(2000).map((_, index) => (index >= 20 && index < 40 ? 1 : 0));
    const judged = judgeDecisions(baseline, variant, labels, budget);
    assert.deepEqual(judged.discordance, { lost: 20, gained: 20, total: 2000 });
    assert.equal(judged.value, 0);
    assert.equal(judged.verdict, 'within');
  });

  it('refuses a loss that is itself beyond the budget, however many windows there are', () => {
    const judged = judgeDecisions(zeros(500), changedIn(500, 10), zeros(500), budget);
    assert.equal(judged.verdict, 'exceeded');
    assert.equal(judged.value, 0.02);
    assert.equal(judged.moreWindows, null);
  });

  it('judges only windows with a label', () => {
    const labels = zeros(600).map((_, index) => (index < 300 ? 0 : -1));
    const variant = zeros(600).map((_, index) => (index < 300 ? 0 : 1));
    const judged = judgeDecisions(zeros(600), variant, labels, budget);
    assert.equal(judged.verdict, 'within');
    assert.equal(judged.windows, 300);
    assert.equal(judged.agreement, 0.5);
  });
});

describe('judging decisions without labels', () => {
  it('counts the changed ones against the allowed disagreement', () => {
    const within = judgeDecisions(zeros(1000), changedIn(1000, 5), undefined, budget);
    assert.deepEqual([within.verdict, within.metric, within.accuracy], ['within', 'changed', null]);
    assert.equal(judgeDecisions(zeros(1000), changedIn(1000, 25), undefined, budget).verdict, 'exceeded');
  });

  it('needs 149 windows to allow two per cent when nothing changed', () => {
    assert.equal(judgeDecisions(zeros(149), zeros(149), undefined, budget).verdict, 'within');
    assert.equal(judgeDecisions(zeros(100), zeros(100), undefined, budget).moreWindows, 49);
  });

  it('takes a variant whose outputs are not numbers for wrong everywhere', () => {
    const noDecision = zeros(200).fill(-1);
    assert.equal(judgeDecisions(noDecision, noDecision, undefined, budget).verdict, 'exceeded');
  });

  it('does not call equal decisions a loss where none is allowed, though no number of windows proves it', () => {
    const none = { maxDrop: 0, maxDisagreement: 0 };
    for (const labels of [undefined, zeros(300)]) {
      const judged = judgeDecisions(zeros(300), zeros(300), labels, none);
      assert.deepEqual([judged.verdict, judged.value, judged.moreWindows], ['insufficient', 0, null]);
      assert.equal(judgeDecisions(zeros(300), changedIn(300, 1), labels, none).verdict, 'exceeded');
    }
  });

  it('cannot judge without windows', () => {
    assert.equal(judgeDecisions([], [], undefined, budget).verdict, 'insufficient');
  });
});

describe('judging continuous outputs', () => {
  const baseline = Float32Array.from({ length: 400 }, (_, index) => Math.sin(index));

  it('accepts a small relative error and refuses a large one', () => {
    const scaled = (factor: number) => baseline.map((value) => value * factor);
    assert.equal(judgeOutputs(baseline, scaled(1.01), 200, budget).verdict, 'within');
    assert.equal(judgeOutputs(baseline, scaled(1.1), 200, budget).verdict, 'exceeded');
  });

  it('measures a constant offset as its share of the spread', () => {
    const judged = judgeOutputs(Float32Array.of(-1, 1, -1, 1), Float32Array.of(-0.5, 1.5, -0.5, 1.5), 2, budget);
    assert.ok(Math.abs(judged.value - 0.5) < 1e-6);
  });

  it('refuses outputs that are not numbers', () => {
    assert.equal(
      judgeOutputs(
        baseline,
        baseline.map(() => Number.NaN),
        200,
        budget,
      ).verdict,
      'exceeded',
    );
  });
});
