import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Conditions, doubtsAbout, readConditions } from '../../../runtime/measure/conditions.ts';

const calm: Conditions = {
  temperatureC: 48,
  sensor: 'cpu-thermal',
  throttled: [],
  throttledSinceBoot: ['under-voltage'],
  frequencyMHz: 2400,
  maxFrequencyMHz: 2400,
  governor: 'performance',
  load1: 0.2,
};

describe('the conditions of a measurement', () => {
  it('raise no doubt when they stay calm, whatever happened earlier since boot', () => {
    assert.deepEqual(doubtsAbout(calm, { ...calm, temperatureC: 55 }), []);
  });

  it('raise doubt when the board is throttled, or was in between', () => {
    assert.deepEqual(doubtsAbout(calm, { ...calm, throttled: ['throttled'] }), ['the board was throttled']);
    const between = { ...calm, throttledSinceBoot: ['under-voltage', 'frequency capped'] as const };
    assert.deepEqual(doubtsAbout(calm, between), ['the board was capped in frequency']);
  });

  it('raise doubt when it warmed up by more than fifteen degrees', () => {
    assert.match(doubtsAbout(calm, { ...calm, temperatureC: 70 })[0]!, /from 48 to 70 °C/);
  });

  it('raise none where there are no sensors', () => {
    const blind = { ...calm, temperatureC: null, throttled: null, throttledSinceBoot: null };
    assert.deepEqual(doubtsAbout(blind, blind), []);
    assert.deepEqual(doubtsAbout(blind, { ...blind, temperatureC: 60 }), []);
  });

  it('can be read on this machine', () => {
    assert.ok(readConditions().load1 >= 0);
  });
});
