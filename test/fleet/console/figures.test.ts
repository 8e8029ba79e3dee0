import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { currentStep, medianOf, stepStates } from '../../../fleet/console/figures.ts';
import { reported } from './fake-device.ts';

const slot = (changes: Parameters<typeof reported>[0]) => reported(changes).slots[0]!;

describe('figures', () => {
  it('take the middle as the median', () => {
    assert.deepEqual([medianOf([3, 1, 2]), medianOf([4, 1, 3, 2]), medianOf([])], [2, 2.5, undefined]);
  });

  it('say that windows are being recorded before variants are built', () => {
    const recording = slot({ state: 'calibrating', detail: 'recorded 300 of 1,500 windows' });
    assert.deepEqual(
      [currentStep(recording), currentStep(slot({ state: 'calibrating', detail: 'static-u8s8' }))],
      ['record', 'calibrate'],
    );
  });

  it('show the steps before the current one as done', () => {
    assert.deepEqual(
      stepStates(slot({ state: 'measuring' }), 'measure').map(([, state]) => state),
      ['done', 'done', 'done', 'current', 'ahead', 'ahead'],
    );
  });

  it('show where a deployment failed', () => {
    const states = new Map(stepStates(slot({ state: 'failed' }), 'measure'));
    assert.deepEqual(
      [states.get('calibrate'), states.get('measure'), states.get('choose')],
      ['done', 'failed', 'ahead'],
    );
  });

  it('blame no step for a failure that was not watched', () => {
    assert.ok(stepStates(slot({ state: 'failed' }), undefined).every(([, state]) => state === 'ahead'));
  });

  it('show every step of a finished deployment as done', () => {
    assert.ok(stepStates(slot({ state: 'succeeded' }), undefined).every(([, state]) => state === 'done'));
  });
});
