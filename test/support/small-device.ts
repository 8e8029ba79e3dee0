/**
 * A device on a real broker, without runners: the agent's own link, outbox and order desk around a slot that does what the
 * test says.
 */
import { EventEmitter } from 'node:events';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { Link } from '../../agent/link/link.ts';
import type { OrderProgress, SlotOrder } from '../../agent/orders/order.ts';
import { Outbox } from '../../agent/outbox/outbox.ts';
import { topics } from '../../agent/protocol/topics.ts';
import { openStore } from '../../agent/store/open-store.ts';
import type { OperatorPrivateKey } from '../../fleet/operator/operator-keys.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { FakeClock } from './fake-clock.ts';
import { type Desk, device, FakeSlot, orderDesk } from './order-desk.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { waitUntil } from './wait-until.ts';

/** What the slot answers to each order. */
export type Behaviour = (order: SlotOrder, say: (progress: Partial<OrderProgress>) => void) => void;

export async function smallDevice(
  t: TestContext,
  url: string,
  keys: readonly OperatorPrivateKey[],
  behave: Behaviour = () => undefined,
) {
  const store = openStore(await temporaryFolder(t));
  const log = pino({ level: 'silent' });
  const limits = { maxBytes: 2 ** 26, maxAgeMs: 3_600_000 };
  let desk: Desk | undefined;
  /** Emits `given` with each order. */
  const wake = new EventEmitter();
  class BehavingSlot extends FakeSlot {
    override give(order: SlotOrder): void {
      super.give(order);
      wake.emit('given');
      const progress = {
        slot: 'main',
        jobId: order.jobId,
        progress: 0,
        detail: '',
        error: null,
        state: 'accepted',
      } as const;
      behave(order, (said) => desk?.desk.note({ ...progress, ...said }));
    }
    override cancel(jobId?: string): void {
      super.cancel(jobId);
      const jobIds = jobId === undefined ? this.given.map((order) => order.jobId) : [jobId];
      for (const id of jobIds)
        desk?.desk.note({
          ...{ slot: 'main', jobId: id, progress: 1, detail: '', state: 'cancelled' },
          error: { code: 'CANCELLED', message: 'cancelled' },
        });
    }
  }
  const outbox = new Outbox({
    store,
    clock: systemClock,
    limits,
    log,
    random: Math.random,
    topicOf: (stream: string) => stream,
  } as never);
  let sess = 0;
  const status = (online: boolean) => ({
    topic: topics.status(device),
    payload: JSON.stringify({ online, sess, bootId: 'b', ts: Date.now(), agent: '0' }),
  });
  const link = new Link({
    ...{ clock: systemClock, random: () => 0, log, outbox, maxDelayMs: 1000, target: { url, clientId: device } },
    subscriptions: [topics.everythingTo(device)],
    session: () => {
      sess += 1;
      return { will: status(false), greetings: () => [status(true), reported()], farewell: () => status(false) };
    },
    onMessage: (arrived) => desk?.desk.take(arrived),
    onForgotten: () => desk?.desk.sayAgain(),
  });
  const reported = () => ({ topic: topics.reported(device), payload: JSON.stringify(desk?.desk.reported) });
  // Signatures are dated by the clock of whoever runs the operator's side: the real one.
  const clock = new FakeClock(Date.now());
  desk = await orderDesk(t, {
    ...{ keys, store, clock, slot: new BehavingSlot() },
    wire: {
      say: (topic, payload, options) => link.say(topic, payload, options),
      show: (message) => link.refresh(message),
      onUrgent: () => link.drain(),
      onChange: () => link.refresh(reported()),
    },
    outbox,
  });
  const stop = new AbortController();
  const run = link.run(stop.signal);
  t.after(async () => {
    await link.close();
    stop.abort();
    await run;
    await desk?.end();
    store[Symbol.dispose]();
  });
  await waitUntil('the device to be connected', () => link.isConnected);
  return { ...desk, link, wake };
}
