import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { topics } from '../../../agent/protocol/topics.ts';
import { device, entry, FakeSlot, operatorKey, orderDesk } from '../../support/order-desk.ts';

const alice = operatorKey('alice');
/** Something runs in it that can be measured. */
class MeasuredSlot extends FakeSlot {
  override readonly state: FakeSlot['state'] = {
    ...{ model: null, recording: null, trials: [] },
    active: {
      ...{ model: { name: 'm', version: '1.0.0', digest: 'd', folder: '/unused' }, variant: 'float32' },
      ...{ sha256: 's', path: '/unused', verdict: '' },
    },
  };
}

const progress = { slot: 'main', progress: 0.5, detail: 'half', error: null } as const;

describe('a job', () => {
  it('goes through the states of its slot, each stored before it is said, and ends as the slot ends', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.give('d1', 'deploy', entry('a'));
    for (const state of ['downloading', 'verifying', 'confirming', 'succeeded'] as const) {
      desk.desk.note({ ...progress, jobId: 'd1', state });
      await desk.clock.advance(0);
    }
    assert.deepEqual(
      desk.states('d1').map(({ state, seq }) => [state, seq]),
      [
        ['queued', 2],
        ['downloading', 3],
        ['verifying', 4],
        ['confirming', 5],
        ['succeeded', 6],
      ],
    );
    assert.equal(desk.store.jobs.get('d1')?.isSettled, true);
  });

  it('that is given again is not run again, but says its state', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    const topic = topics.job(device, 'd1');
    const order = await desk.sign({ jti: 'd1', type: 'deploy', args: entry('a') }, topic, alice, { lifeSeconds: 60 });
    await desk.deliver(topic, order);
    desk.desk.note({ ...progress, jobId: 'd1', state: 'failed', error: { code: 'DEPLOYMENT_FAILED', message: 'no' } });
    await desk.clock.advance(0);
    await desk.deliver(topic, order);
    assert.equal(desk.slot.given.length, 1);
    assert.equal(desk.shown.at(-1)?.state, 'failed');
    assert.equal(desk.states('d1').at(-1)?.error?.code, 'DEPLOYMENT_FAILED');
  });

  it('of a known id with other content is a conflict, and changes nothing of the first', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.give('d1', 'deploy', entry('a'));
    await desk.give('d1', 'deploy', entry('b'));
    assert.deepEqual(desk.codes(), ['ORDER_CONFLICT']);
    assert.equal(desk.slot.given.length, 1);
    assert.equal(desk.states('d1').at(-1)?.state, 'queued');
  });

  it('under the topic of another job is refused', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    const topic = topics.job(device, 'x');
    await desk.deliver(
      topic,
      await desk.sign({ jti: 'y', type: 'restart', args: {} }, topic, alice, { lifeSeconds: 60 }),
    );
    assert.deepEqual(desk.codes(), ['ORDER_TOPIC']);
  });

  it('for a slot that is not there is rejected, and says which there are', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.give('d1', 'deploy', { ...entry('a'), slot: 'door' });
    const end = desk.states('d1').at(-1);
    assert.equal(end?.state, 'rejected');
    assert.match(end?.error?.message ?? '', /expected one of main, got door/);
  });

  it('is cancelled by another: the slot is told, and the job ends when the slot has', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.give('d1', 'deploy', entry('a'));
    await desk.give('c1', 'cancel', { job: 'd1' });
    assert.deepEqual(desk.slot.cancelled, ['d1']);
    assert.equal(desk.states('c1').at(-1)?.state, 'succeeded');
    desk.desk.note({ ...progress, jobId: 'd1', state: 'rolled_back' });
    await desk.clock.advance(0);
    assert.equal(desk.states('d1').at(-1)?.state, 'rolled_back');
  });

  it('that is cancelled before it arrives never begins', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.give('c1', 'cancel', { job: 'd9' });
    await desk.give('d9', 'deploy', entry('a'));
    assert.deepEqual(desk.slot.given, []);
    assert.equal(desk.states('d9').at(-1)?.state, 'cancelled');
    assert.deepEqual(desk.codes(), []);
  });

  it('that has ended cannot be cancelled', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.give('r1', 'restart', { what: 'runner' });
    await desk.give('c1', 'cancel', { job: 'r1' });
    assert.equal(desk.states('c1').at(-1)?.state, 'rejected');
  });

  it('that had not settled goes on after each restart, for as long as its slot wants', async (t) => {
    let desk = await orderDesk(t, { keys: [alice] });
    await desk.give('d1', 'deploy', entry('a'));
    const { store, clock } = desk;
    for (let start = 1; start <= 6; start += 1) {
      await desk.end();
      desk = await orderDesk(t, { keys: [alice], store, clock });
      await clock.advance(0);
      assert.equal(desk.slot.given[0]?.jobId, 'd1', `start ${start}`);
    }
  });

  it("of the agent's own, in whose midst the agent ends again and again, is given up", async (t) => {
    const slot = () => new MeasuredSlot();
    let desk = await orderDesk(t, { keys: [alice], slot: slot() });
    await desk.give('b1', 'benchmark', { slot: 'main' });
    const { store, clock } = desk;
    for (let start = 1; start <= 4; start += 1) {
      assert.equal(desk.states('b1').at(-1)?.state ?? 'measuring', 'measuring', `before start ${start}`);
      await desk.end();
      desk = await orderDesk(t, { keys: [alice], store, clock, slot: slot() });
      await clock.advance(0);
    }
    const end = desk.states('b1').at(-1);
    assert.equal(end?.state, 'failed');
    assert.match(end?.error?.message ?? '', /4 ends of the agent/);
  });

  it('that restarts the agent has succeeded once the agent is there again; without a service manager it is rejected', async (t) => {
    const desk = await orderDesk(t, { keys: [alice], isSupervised: true });
    await desk.give('r1', 'restart', { what: 'agent' });
    assert.equal(desk.counts.stops, 1);
    await desk.end();
    const after = await orderDesk(t, { keys: [alice], store: desk.store, clock: desk.clock, isSupervised: true });
    await after.clock.advance(0);
    assert.equal(after.states('r1').at(-1)?.state, 'succeeded');
    assert.equal(after.counts.stops, 0);
    const bare = await orderDesk(t, { keys: [alice] });
    await bare.give('r1', 'restart', { what: 'agent' });
    assert.equal(bare.states('r1').at(-1)?.state, 'rejected');
    assert.equal(bare.counts.stops, 0);
  });

  it('is forgotten a week after it expired, its retained state is cleared, and it is never run again', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    const topic = topics.job(device, 'r1');
    const order = await desk.sign({ jti: 'r1', type: 'restart', args: {} }, topic, alice, { lifeSeconds: 60 });
    await desk.deliver(topic, order);
    const wallMs = desk.clock.wallMs();
    desk.clock.setWall(wallMs + 8 * 86_400_000);
    desk.desk.tick();
    assert.equal(desk.store.jobs.get('r1'), undefined);
    const cleared = desk.store.outbox.between('state', 0, Number.MAX_SAFE_INTEGER, 99).at(-1);
    assert.deepEqual([cleared?.topic, cleared?.payload], [topics.jobState(device, 'r1'), '']);
    // The clock goes back, as it may on a board without a battery: the order looks valid again.
    desk.clock.setWall(wallMs);
    await desk.deliver(topic, order);
    assert.deepEqual(desk.codes(), ['ORDER_EXPIRED']);
    assert.equal(desk.slot.restarts, 1);
  });

  it('of which there are too many at once is refused', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    for (let count = 0; count < 34; count += 1) await desk.give(`d${count}`, 'deploy', entry('a'));
    assert.equal(desk.slot.given.length, 32);
    assert.deepEqual([...new Set(desk.codes())], ['ORDER_REJECTED']);
  });
});
