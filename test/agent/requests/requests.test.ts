import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { replySchema } from '../../../agent/protocol/messages.ts';
import { topics } from '../../../agent/protocol/topics.ts';
import type { Check } from '../../../agent/requests/self-check.ts';
import { type Desk, device, operatorKey, orderDesk } from '../../support/order-desk.ts';

const alice = operatorKey('alice');

async function ask(desk: Desk, name: string, { jti = 'q1', args = {}, lifeSeconds = 30, ...more } = {}) {
  const topic = topics.request(device, name);
  const order = await desk.sign({ jti, args }, topic, alice, { lifeSeconds });
  await desk.deliver(topic, order, { correlationData: Buffer.from(`c-${jti}`), ...more });
  return desk.replies.at(-1);
}

describe('a request', () => {
  it('is answered to whoever signed it, with its id and the correlation data, whatever response topic it names', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    const answer = await ask(desk, 'ping', { responseTopic: 'octet/1/d/pump-8/down/desired' } as object);
    assert.equal(answer?.topic, topics.reply('alice', device));
    assert.equal(answer?.correlation, 'c-q1');
    assert.equal(replySchema.parse(answer?.reply).status, 200);
  });

  it('asked twice under one id is answered twice with one answer', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    const first = await ask(desk, 'ping');
    await desk.clock.advance(500);
    const second = await ask(desk, 'ping');
    assert.equal(desk.replies.length, 2);
    assert.deepEqual(second?.reply, first?.reply);
  });

  for (const [name, status, more] of [
    ['launch', 404, {}],
    ['tail-log', 400, { args: { lines: 'all' } }],
    ['ping', 400, { lifeSeconds: 3600 }],
    ['explain', 409, {}],
    ['explain', 409, { args: { slot: 'door' } }],
  ] as const)
    it(`${name} with ${JSON.stringify(more)} is answered ${status}, and why`, async (t) => {
      const desk = await orderDesk(t, { keys: [alice] });
      const answer = await ask(desk, name, more);
      assert.equal(answer?.reply.status, status);
      assert.ok((answer?.reply.error?.message.length ?? 0) > 10);
    });

  it('before the clock is right is answered 503, because it may be old', async (t) => {
    const desk = await orderDesk(t, { keys: [alice], isClockRight: () => false });
    assert.equal((await ask(desk, 'ping'))?.reply.status, 503);
  });

  it('of which there come too many is answered 429, and after a while as before', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    for (let count = 0; count < 21; count += 1) await ask(desk, 'ping', { jti: `q${count}` });
    assert.equal(desk.replies.at(-1)?.reply.status, 429);
    await desk.clock.advance(2000);
    assert.equal((await ask(desk, 'ping', { jti: 'later' }))?.reply.status, 200);
  });

  it('that has expired, or that nobody known signed, is not answered', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    const topic = topics.request(device, 'ping');
    const old = await desk.sign({ jti: 'old', args: {} }, topic, alice, { lifeSeconds: 30 });
    await desk.clock.advance(31_000);
    await desk.deliver(topic, old);
    await desk.deliver(
      topic,
      await desk.sign({ jti: 'm', args: {} }, topic, operatorKey('mallory'), { lifeSeconds: 30 }),
    );
    assert.deepEqual(desk.replies, []);
    assert.deepEqual(desk.codes(), ['ORDER_EXPIRED', 'ORDER_KEY_UNKNOWN']);
  });

  it('self-check goes through the table of warnings, the operators and the slots, each failure with what to do', async (t) => {
    const shown = [{ code: 'clock-not-set', severity: 'warning', text: 'the clock is not synchronised yet' }] as const;
    const desk = await orderDesk(t, { keys: [alice], shown });
    const body = (await ask(desk, 'self-check'))?.reply.body as { isHealthy: boolean; checks: Check[] };
    assert.equal(body.isHealthy, false);
    assert.deepEqual(
      body.checks.filter(({ isOk }) => !isOk).map(({ name }) => name),
      ['clock-not-set', 'slot main'],
    );
    assert.match(body.checks.find(({ name }) => name === 'clock-not-set')?.hint ?? '', /timedatectl/);
  });
});
