import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Telemetry } from '../../../agent/protocol/messages.ts';
import { type FleetState, initialState, limits, type Message, reduce } from '../../../fleet/console/state.ts';
import { decisions, deviceId as device, info, reported, status, system } from './fake-device.ts';

const after = (...messages: Message[]): FleetState => messages.reduce(reduce, initialState);
const telemetry = (body: Telemetry): Message => ({ kind: 'telemetry', device, body });
const the = (state: FleetState) => state.devices.get(device)!;

describe('the state of the console', () => {
  it('gathers what a device says into one record', () => {
    const state = after(
      { kind: 'status', device, body: status },
      { kind: 'info', device, body: info },
      { kind: 'reported', device, body: reported() },
      telemetry(decisions(0, 5)),
      telemetry(system(0, 3, true)),
    );
    const { decisions: seen, system: points, info: known } = the(state);
    assert.deepEqual([seen.length, points.length, known?.board], [5, 3, 'Made-up board']);
  });

  it('counts a repeated batch once', () => {
    assert.equal(the(after(telemetry(decisions(0, 8)), telemetry(decisions(0, 8)))).decisions.length, 8);
  });

  it('puts backlog that live data overtook where it belongs', () => {
    const state = after(telemetry(decisions(10, 5)), telemetry({ ...decisions(0, 10), hist: true }));
    assert.deepEqual(
      the(state).decisions.map(({ seq }) => seq),
      Array.from({ length: 15 }, (_, seq) => seq),
    );
  });

  it('tells the same sequence number of two epochs apart', () => {
    assert.equal(the(after(telemetry(decisions(0, 4, 'a')), telemetry(decisions(0, 4, 'b')))).decisions.length, 8);
  });

  it('keeps a bounded number of points, the newest', () => {
    const state = after(telemetry(decisions(0, limits.decisions)), telemetry(decisions(limits.decisions, 100)));
    const kept = the(state).decisions;
    assert.deepEqual([kept.length, kept.at(-1)?.seq, kept[0]?.seq], [limits.decisions, limits.decisions + 99, 100]);
  });

  it('does not count a forgotten batch again when it repeats', () => {
    const full = after(telemetry(decisions(0, limits.decisions)), telemetry(decisions(limits.decisions, 100)));
    assert.equal(the(reduce(full, telemetry(decisions(0, 50)))).tally.decisions, limits.decisions + 100);
  });

  it('ignores the last will of a session that has been followed by another', () => {
    const state = after(
      { kind: 'status', device, body: { ...status, sess: 4 } },
      { kind: 'status', device, body: { ...status, sess: 3, online: false } },
    );
    assert.equal(the(state).status?.online, true);
  });

  it('believes the last will of the session that it knows', () => {
    const state = after(
      { kind: 'status', device, body: status },
      { kind: 'status', device, body: { ...status, online: false } },
    );
    assert.equal(the(state).status?.online, false);
  });

  it('believes the birth of a device that was set up anew and counts from 1 again', () => {
    const state = after(
      { kind: 'status', device, body: { ...status, sess: 4, online: false } },
      { kind: 'status', device, body: { ...status, sess: 1 } },
    );
    assert.equal(the(state).status?.online, true);
  });

  it('adds up what the device says it had to drop, each gap once', () => {
    const batch = { ...decisions(20, 2), gap: { first: 0, last: 19, reason: 'outbox full' } };
    assert.deepEqual([...the(after(telemetry(batch), telemetry(batch))).gaps.values()], [20]);
  });

  it('keeps a label at its place while others appear', () => {
    const first = after(telemetry(decisions(0, 30)));
    const then = reduce(first, telemetry(decisions(30, 200)));
    assert.deepEqual(the(then).labels.slice(0, the(first).labels.length), the(first).labels);
  });

  it('remembers the step at which a deployment was last seen', () => {
    const says = (slot: Parameters<typeof reported>[0]): Message => ({
      kind: 'reported',
      device,
      body: reported(slot),
    });
    const state = after(says({ state: 'measuring' }), says({ state: 'failed' }));
    assert.equal(the(state).lastSteps.get('main'), 'measure');
  });

  it('counts malformed messages and names the last', () => {
    const state = after({ kind: 'malformed', topic: 't', problem: 'expected JSON' });
    assert.deepEqual(state.malformed, { count: 1, last: 't: expected JSON' });
  });

  it('forgets why the link was lost once it is back', () => {
    const state = after({ kind: 'link', link: 'lost', problem: 'refused' }, { kind: 'link', link: 'connected' });
    assert.deepEqual([state.link, state.linkProblem], ['connected', undefined]);
  });

  it('changes nothing for a stream that it does not know', () => {
    const before = after(telemetry(decisions(0, 3)));
    assert.equal(reduce(before, telemetry({ ...decisions(3, 1), stream: 'future' })), before);
  });
});
