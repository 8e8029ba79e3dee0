import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDecisionGroups } from '../../../runtime/infer/decision-groups.ts';
import type { Decision } from '../../../runtime/infer/messages.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const decision = (seq: number): Decision => ({ tUs: 0, seq, label: 'x', score: 1, latencyUs: 1 });

describe('groups of decisions', () => {
  it('are sent within 250 ms of their first decision, though nothing follows', async () => {
    const clock = new FakeClock();
    const sent: number[][] = [];
    const groups = createDecisionGroups(clock, (decisions) => sent.push(decisions.map(({ seq }) => seq)));
    groups.add(decision(0));
    await clock.advance(100);
    groups.add(decision(1));
    assert.deepEqual(sent, []);
    await clock.advance(150);
    assert.deepEqual(sent, [[0, 1]]);
    groups.add(decision(2));
    groups.flush();
    await clock.advance(1000);
    assert.deepEqual(sent, [[0, 1], [2]]);
  });
});
