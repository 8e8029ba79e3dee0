import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { initialState, type Message, reduce } from '../../../fleet/console/state.ts';
import { follow, noProgress, type Progress, sinceActive } from '../../../fleet/demo/follow.ts';
import { decisions, deviceId as device, reported, type Slot, status } from '../console/fake-device.ts';

const born: Message = { kind: 'status', device, body: status };
const says = (slot: Partial<Slot>): Message => ({ kind: 'reported', device, body: reported(slot) });
const under = { active: null, trials: [] };

/** One second between messages. */
function after(...messages: Message[]) {
  let fleet = initialState;
  let progress: Progress = noProgress;
  for (const [index, message] of messages.entries()) {
    const before = fleet.devices.get(device);
    fleet = reduce(fleet, message);
    progress = follow(progress, before, fleet.devices.get(device)!, index * 1000);
  }
  return { progress, device: fleet.devices.get(device)! };
}

describe('following a deployment', () => {
  const whole = [
    born,
    says({ ...under, state: 'downloading', detail: 'model.onnx' }),
    says({ ...under, state: 'calibrating', detail: '' }),
    says({ ...under, state: 'calibrating', detail: 'recorded 1,800 of 1,800 windows' }),
    says({ ...under, state: 'calibrating', detail: 'static-u8s8' }),
    says({ ...under, state: 'measuring', detail: 'block 8 of 8' }),
    says({ state: 'activating' }),
    says({ state: 'succeeded' }),
  ];

  it('tells each step once, in order, with its duration', () => {
    const { finished, outcome } = after(...whole).progress;
    assert.equal(outcome, 'succeeded');
    assert.deepEqual(
      finished.map(({ step, durationMs }) => [step, durationMs]),
      [
        ['pull', 1000],
        ['record', 2000],
        ['calibrate', 1000],
        ['measure', 1000],
        ['choose', undefined],
        ['activate', 1000],
      ],
    );
  });

  it('says of a finished step only what was chosen: the last progress heard of it is out of date', () => {
    const details = new Map(after(...whole).progress.finished.map(({ step, detail }) => [step, detail]));
    assert.equal(details.get('record'), '');
    assert.equal(details.get('choose'), 'static-u8s8');
  });

  it('does not take a retained message of an earlier run for news', () => {
    const { outcome, isOnline } = after(
      { ...born, body: { ...status, online: false } },
      says({ state: 'succeeded' }),
    ).progress;
    assert.deepEqual([outcome, isOnline], ['waiting', false]);
  });

  it('tells no steps of a deployment that an earlier run finished', () => {
    const { outcome, finished } = after(born, says({ state: 'succeeded' })).progress;
    assert.deepEqual([outcome, finished], ['succeeded', []]);
  });

  it('stops at a failure', () => {
    const error = { code: 'DISK_FULL', message: 'expected room' };
    assert.equal(
      after(born, says({ ...under, state: 'measuring' }), says({ ...under, state: 'failed', error })).progress.outcome,
      'failed',
    );
  });

  it('counts decisions from the activation on', () => {
    const batch = (first: number, count: number): Message => ({
      kind: 'telemetry',
      device,
      body: decisions(first, count),
    });
    const { progress, device: seen } = after(born, batch(0, 30), says({ state: 'succeeded' }), batch(30, 5));
    const since = sinceActive(progress, seen);
    assert.deepEqual([since.tally.decisions, since.decisions[0]?.seq], [5, 30]);
  });
});
