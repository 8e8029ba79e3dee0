import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { poolTimes, recordTimes } from '../../../runtime/measure/time-log.ts';

function logOf(count: number, capacity: number) {
  const recorder = recordTimes(capacity);
  for (let call = 0; call < count; call++) recorder.add(call);
  return recorder.log();
}

describe('a log of timings', () => {
  it('keeps all while they fit', () => {
    const { count, stride, times } = logOf(8, 8);
    assert.deepEqual([count, stride, [...times]], [8, 1, [0, 1, 2, 3, 4, 5, 6, 7]]);
  });

  it('keeps an even selection in the same memory when they do not', () => {
    for (const count of [9, 16, 17, 100, 1001]) {
      const log = logOf(count, 8);
      assert.equal(log.count, count);
      assert.ok(log.times.length <= 8);
      assert.deepEqual(
        [...log.times],
        Array.from({ length: Math.ceil(count / log.stride) }, (_, at) => at * log.stride),
      );
    }
  });

  it('counts each of several by the calls it stands for', () => {
    const [fast, slow] = [logOf(16, 8), logOf(4, 8)];
    assert.equal(fast.stride, 2);
    assert.deepEqual([...poolTimes([fast, slow])], [0, 2, 4, 6, 8, 10, 12, 14, 0, 2]);
  });
});
