import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { float32 } from '../../../runtime/graph/build.ts';
import { deciderOf } from '../../../runtime/infer/decide.ts';

const input = float32([1, 2], [3, 4]);
const classify = deciderOf({ kind: 'classify', labels: ['a', 'b', 'c'] });

describe('decision', () => {
  it('is the label of the largest logit, with its softmax probability', () => {
    const { label, score } = classify(float32([1, 3], [1, 3, 2]), input)!;
    assert.equal(label, 'b');
    const expected = Math.exp(3) / (Math.exp(1) + Math.exp(3) + Math.exp(2));
    assert.ok(Math.abs(score - expected) < 1e-12);
  });

  it('does not overflow on large logits', () => {
    assert.deepEqual(classify(float32([1, 3], [1e4, 0, -1e4]), input), { label: 'a', score: 1 });
  });

  it('takes probabilities as they are', () => {
    assert.equal(classify(float32([1, 3], [0.25, 0.25, 0.5]), input)?.score, 0.5);
  });

  it('refuses an output that has not one number per label', () => {
    assert.throws(() => classify(float32([1, 2], [1, 2]), input), {
      code: 'DATA_MISMATCH',
      message: /output of 3 numbers.*got \[1, 2\]/,
    });
  });

  it('is the value of a regression', () => {
    assert.equal(deciderOf({ kind: 'regress' })(float32([1, 1], [2.5]), input)?.score, 2.5);
  });

  it('is the relative error of a reconstruction: root of 5 over 5', () => {
    const { score } = deciderOf({ kind: 'reconstruct' })(float32([1, 2], [2, 2]), input)!;
    assert.ok(Math.abs(score - Math.sqrt(5) / 5) < 1e-12);
  });

  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    it(`is none when the output holds ${bad}, whatever the task`, () => {
      assert.equal(classify(float32([1, 3], [bad, 1, 2]), input), undefined);
      assert.equal(classify(float32([1, 3], [1, 2, bad]), input), undefined);
      assert.equal(deciderOf({ kind: 'regress' })(float32([1, 1], [bad]), input), undefined);
      assert.equal(deciderOf({ kind: 'reconstruct' })(float32([1, 2], [bad, 2]), input), undefined);
    });

  it('is none when a reconstruction is compared with an input that is not finite', () => {
    const broken = float32([1, 2], [Number.NaN, 4]);
    assert.equal(deciderOf({ kind: 'reconstruct' })(float32([1, 2], [2, 2]), broken), undefined);
  });
});
