import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorMeter } from '../../../../runtime/quantize/inspect/error-meter.ts';
import { rescaledMeter } from '../../../../runtime/quantize/inspect/rescaled-meter.ts';

test('equal tensors have 150 dB, cosine 1 and no error', () => {
  const meter = errorMeter();
  meter.add([1, -2, 3], [1, -2, 3], [1]);
  assert.deepEqual(meter.error(), { sqnrDb: 150, cosine: 1, maxError: 0, saturation: null, values: 3 });
});

test('a tenth of the amplitude is 20 dB, over all samples together', () => {
  const meter = errorMeter();
  meter.add([10, 0], [11, 0], [1]);
  meter.add([0, 10], [0, 9], [1]);
  const { sqnrDb, maxError, values } = meter.error();
  assert.ok(Math.abs(sqnrDb - 20) < 1e-9);
  assert.deepEqual([maxError, values], [1, 4]);
});

test('the opposite direction has cosine -1', () => {
  const meter = errorMeter();
  meter.add([1, 2], [-1, -2], [1]);
  assert.ok(Math.abs(meter.error().cosine + 1) < 1e-12);
});

test('integers are read through their scale and zero point', () => {
  const meter = errorMeter({ type: 'uint8', scale: 0.5, zeroPoint: 10 });
  meter.add([-1, 0, 2], [8, 10, 14], [1]);
  assert.equal(meter.error().maxError, 0);
});

test('cut off is what lies beyond the range, not what lies at its end', () => {
  const meter = errorMeter({ type: 'uint8', scale: 1, zeroPoint: 0 });
  meter.add([0, 0, 255, 300], [0, 0, 255, 255], [1]);
  assert.equal(meter.error().saturation, 0.25);
});

test('noise without a signal is -150 dB, which JSON can hold', () => {
  const meter = errorMeter();
  meter.add([0], [1], [1]);
  assert.equal(meter.error().sqnrDb, -150);
});

test('a channel that was rescaled on purpose has no error but its rounding', () => {
  const meter = rescaledMeter();
  // Channel 0 is doubled, channel 1 moved by 3.
  meter.add([1, 2, 3, 4], [2, 4, 6, 7], [1, 2, 1, 2]);
  assert.equal(meter.error().sqnrDb, 150);
  meter.add([1, 2, 3, 4], [2, 5, 6, 7], [1, 2, 1, 2]);
  const { sqnrDb, cosine } = meter.error();
  assert.ok(sqnrDb < 40 && cosine < 1 && cosine > 0.9);
});
