/** The first few thousand cases of `npm run fuzz:protocol`; the figure is for a million. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { caseFrom } from './cases.ts';
import { fuzzProtocol } from './fuzz-protocol.ts';

test('fuzzed topics and payloads are refused: no exception, no change of state, no answer', async (t) => {
  const { broken, refused } = await fuzzProtocol(t, { from: 0, to: 20_000 });
  assert.deepEqual(broken, []);
  // A fuzz that never gets past the door tests only the door.
  for (const code of [
    'ORDER_INVALID',
    'ORDER_KEY_UNKNOWN',
    'ORDER_SIGNATURE',
    'ORDER_TOPIC',
    'ORDER_AUDIENCE',
    'ORDER_EXPIRED',
  ])
    assert.ok((refused.get(code) ?? 0) > 0, `none was refused as ${code}`);
});

test('the same seed gives the same topic and bytes', async () => {
  for (const seed of [1, 2, 50]) {
    const [{ topic }, again] = [await caseFrom(seed), await caseFrom(seed)];
    assert.equal(topic, again.topic);
  }
});
