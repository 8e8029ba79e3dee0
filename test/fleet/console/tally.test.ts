import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decisionsFrom } from '../../../fleet/console/stream.ts';
import { accuracyOf, addTallies, noTally, tallyOf } from '../../../fleet/console/tally.ts';
import { decisions } from './fake-device.ts';

describe('the tally of decisions', () => {
  it('judges only decisions that come with a truth', () => {
    const [right, wrong] = decisionsFrom(decisions(21, 2));
    const { truth: _unknown, ...unjudged } = right!;
    assert.deepEqual(tallyOf([right!, wrong!, unjudged]), { decisions: 3, judged: 2, right: 1 });
  });

  it('has no accuracy before anything was judged', () => {
    assert.equal(accuracyOf(noTally), null);
  });

  it('adds up', () => {
    const half = { decisions: 3, judged: 2, right: 1 };
    assert.equal(accuracyOf(addTallies(half, { decisions: 2, judged: 2, right: 2 })), 0.75);
  });
});
