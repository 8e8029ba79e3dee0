import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LayerError } from '../../../../runtime/quantize/inspect/compare-models.ts';
import { findFirstFault } from '../../../../runtime/quantize/inspect/first-fault.ts';

function layer(node: string, inputSqnrDb: number, sqnrDb: number, more: Partial<LayerError> = {}): LayerError {
  const fixed = { cosine: 1, maxError: 0, saturation: 0, values: 1, histogram: null, weights: null };
  return {
    ...fixed,
    node,
    opType: 'Conv',
    tensor: `${node}_out`,
    range: { min: 0, max: 1 },
    inputSqnrDb,
    sqnrDb,
    ...more,
  };
}

test('the largest drop below its inputs is the fault, not the worst tensor', () => {
  const { layer: found, sentence } = findFirstFault([layer('a', 40, 38), layer('b', 38, 18), layer('c', 18, 15)]);
  assert.equal(found?.node, 'b');
  assert.match(sentence, /Conv "b": from 38\.0 to 18\.0 dB; keep it float with --exclude 'b'/);
});

test('an error that grows evenly has no fault', () => {
  const { layer: found, sentence } = findFirstFault([layer('a', 40, 36), layer('b', 36, 32), layer('c', 32, 28)]);
  assert.equal(found, null);
  assert.match(sentence, /28\.0 dB at the end/);
});

test('values cut off ask for a wider range', () => {
  assert.match(findFirstFault([layer('a', 40, 10, { saturation: 0.02 })]).sentence, /2\.0 % of its values are cut off/);
});

test('poor weights with one scale ask for a scale for each channel', () => {
  const weights = { weight: 'w', sqnrDb: 12, perChannel: false };
  assert.match(findFirstFault([layer('a', 40, 10, { weights })]).sentence, /give each channel its own/);
});

test('a range far wider than its values asks for another observer', () => {
  const counts = new Array<number>(1024).fill(0);
  counts[520] = 100_000;
  counts[1000] = 1;
  const histogram = { min: 0, max: 3.9, limit: 4, counts };
  assert.match(
    findFirstFault([layer('a', 40, 10, { histogram, range: { min: -4, max: 4 } })]).sentence,
    /outliers.*mse/,
  );
});

test('models that are equal are said to be', () => {
  assert.match(findFirstFault([layer('a', 40, 150), layer('b', 40, 150)]).sentence, /Nothing is lost/);
});

test('layers that are right one by one but not when they run saturate, where the processor does', () => {
  const layers = [layer('a', 40, 37), layer('b', 37, 35)];
  const { layer: found, sentence } = findFirstFault(layers, { outputSqnrDb: 16, saturates: true });
  assert.equal(found, null);
  assert.match(sentence, /35\.0 dB at the end.* 16\.0 dB.*--reduce-range/);
  assert.match(findFirstFault(layers, { outputSqnrDb: 16, saturates: false }).sentence, /No layer stands out/);
});
