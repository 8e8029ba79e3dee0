import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { takeTurns } from '../../../fleet/demo/recordings.ts';

describe('the order of recordings', () => {
  it('takes turns between people and varies what they do', () => {
    const names = ['p1-a', 'p1-b', 'p1-c', 'p1-d', 'p2-a', 'p2-b', 'p2-c', 'p2-d'];
    assert.deepEqual(takeTurns(names), ['p1-a', 'p2-c', 'p1-b', 'p2-d', 'p1-c', 'p2-a', 'p1-d', 'p2-b']);
  });

  it('plays each recording once, also when people have different numbers of them', () => {
    const names = ['p1-a', 'p2-a', 'p2-b', 'p2-c', 'p3-a', 'p3-b'];
    assert.deepEqual(takeTurns(names).toSorted(), names);
  });
});
