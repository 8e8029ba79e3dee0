import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  exclusionKey,
  floatBeginnings,
  floatEnds,
  singleChanges,
  stretchLengths,
} from '../../../../runtime/quantize/auto/regions.ts';

test('a short network is tried at every length, a long one in a few dozen steps', () => {
  assert.deepEqual(stretchLengths(5), [1, 2, 3, 4]);
  assert.deepEqual(stretchLengths(1), []);
  const many = stretchLengths(1000);
  assert.ok(many.length < 60, `got ${many.length}`);
  assert.ok(many.every((length, at) => at === 0 || length > many[at - 1]!));
});

test('beginnings and ends come on top of what is float already, each node once', () => {
  const nodes = ['a', 'b', 'c'];
  assert.deepEqual(floatBeginnings(nodes, ['c']), [
    ['c', 'a'],
    ['c', 'a', 'b'],
  ]);
  assert.deepEqual(floatEnds(nodes, ['c']), [['c'], ['c', 'b']]);
});

test('a single change takes a node out of int8 or back in', () => {
  assert.deepEqual(singleChanges(['a', 'b'], ['b']), [['b', 'a'], []]);
});

test('the same nodes in another order are the same exclusion', () => {
  assert.equal(exclusionKey(['b', 'a']), exclusionKey(['a', 'b']));
  assert.notEqual(exclusionKey(['a']), exclusionKey(['a', 'b']));
});
