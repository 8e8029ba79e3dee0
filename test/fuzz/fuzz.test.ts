/** The first few hundred cases of `npm run fuzz`; the figure is for 100,000. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { caseBytes } from './case.ts';
import { fuzz } from './fuzz.ts';

test('damaged models are quantised or refused by a code: no crash, no hang, no memory beyond a gibibyte', async () => {
  const { tally, broken, peakBytes } = await fuzz({ from: 0, to: 300, limitBytes: 2 ** 30 });
  assert.deepEqual(broken, []);
  assert.ok(peakBytes < 2 ** 30, `${peakBytes} bytes`);
  // A fuzz whose files are all refused at the door tests only the door.
  assert.ok((tally.get('quantized') ?? 0) > 30, `quantised ${tally.get('quantized')} of 300`);
  assert.ok((tally.get('MODEL_INVALID') ?? 0) > 30);
});

test('the same seed gives the same damage', () => {
  for (const seed of [3, 77]) assert.deepEqual(caseBytes(seed), caseBytes(seed));
  assert.notDeepEqual(caseBytes(3), caseBytes(8));
});

/** Seeds that broke something once: each stays a test of its own. */
const once = {
  'values whose squares overflow leave the mean-square observer without a best range': 1776,
  'a padding that makes the activations of one sample 17 GB': 6795,
  'a LayerNormalization with a bias named by nothing, at which a fusion of ONNX Runtime crashes': 80787,
  'a padding that makes them 0.9 GB, of which the runtime holds several': 87420,
};

for (const [what, seed] of Object.entries(once))
  test(`${what}: quantised or refused`, async () => {
    assert.deepEqual((await fuzz({ from: seed, to: seed + 1, limitBytes: 2 ** 30 })).broken, []);
  });
