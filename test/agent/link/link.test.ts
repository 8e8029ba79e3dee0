import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import mqtt from 'mqtt';
import { pino } from 'pino';
import { ConnectFailure, type Connection, connectOnce } from '../../../agent/link/connect-once.ts';
import { retryDelays } from '../../../agent/link/delays.ts';
import { Link } from '../../../agent/link/link.ts';
import { nextVersion } from '../../../agent/link/versions.ts';
import { Outbox } from '../../../agent/outbox/outbox.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { type Clock, systemClock } from '../../../runtime/base/clock.ts';
import { OctetError } from '../../../runtime/base/errors.ts';
import type { Logger } from '../../../runtime/base/log.ts';
import { embeddedBroker } from '../../support/embedded-broker.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { freePort, mosquitto } from '../../support/mosquitto.ts';
import { missing } from '../../support/requirements.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

type Heard = { topic: string; payload: string; retain: boolean };

async function listen(t: TestContext, url: string): Promise<Heard[]> {
  const heard: Heard[] = [];
  const client = await mqtt.connectAsync(url, { protocolVersion: 4, reconnectPeriod: 100 });
  client.on('message', (topic, payload, { retain }) => heard.push({ topic, payload: payload.toString(), retain }));
  await client.subscribeAsync('#', { qos: 1 });
  t.after(() => client.endAsync(true));
  return heard;
}

/** A link of device `dev` with an outbox of its own, and three greetings that name their session. */
async function createLink(t: TestContext, url: string) {
  const made = await createLinkOn(t, url, systemClock, connectOnce);
  const run = made.link.run(made.stop.signal);
  made.onEnd.push(async () => {
    made.stop.abort();
    await run;
  });
  return { ...made, run };
}

async function createLinkOn(t: TestContext, url: string, clock: Clock, connect: typeof connectOnce) {
  const store = openStore(await temporaryFolder(t));
  const limits = { maxBytes: 2 ** 26, maxAgeMs: 3_600_000 };
  const log = pino({ level: 'silent' });
  const outbox = new Outbox({ store, clock, log, topicOf: (stream) => stream, limits, random: () => 0 });
  let sess = 0;
  const link = new Link({
    ...{ clock, random: () => 0, log, outbox, connect, maxDelayMs: 60_000 },
    target: { url, clientId: 'dev' },
    subscriptions: ['dev/down/#'],
    session: () => {
      const number = ++sess;
      return {
        will: { topic: 'dev/status', payload: `dead ${number}` },
        greetings: () =>
          ['status', 'info', 'reported'].map((name) => ({ topic: `dev/${name}`, payload: `alive ${number}` })),
        farewell: () => ({ topic: 'dev/status', payload: `bye ${number}` }),
      };
    },
    onMessage: () => undefined,
    onForgotten: () => undefined,
  });
  const stop = new AbortController();
  const onEnd: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const end of onEnd) await end();
    store[Symbol.dispose]();
  });
  return { link, outbox, stop, onEnd };
}

describe('the link, with the embedded broker (MQTT 3.1.1 only),', () => {
  it('falls back to 3.1.1 at once when version 5 is refused', async (t) => {
    const url = await embeddedBroker(t);
    const signal = AbortSignal.timeout(5000);
    const options = { url, clientId: 'dev', will: { topic: 'w', payload: '' }, onMessage: () => undefined, signal };
    await assert.rejects(connectOnce({ ...options, version: 5 }), { kind: 'refused', reasonCode: 1 });
    const heard = await listen(t, url);
    const { link } = await createLink(t, url);
    await waitUntil('the greetings', () => heard.length >= 3, 3000);
    assert.equal(link.isConnected, true);
  });

  it('says goodbye instead of leaving its will', async (t) => {
    const url = await embeddedBroker(t);
    const heard = await listen(t, url);
    const { link, run, stop } = await createLink(t, url);
    await waitUntil('connected', () => link.isConnected);
    await link.close();
    stop.abort();
    await run;
    await waitUntil('the goodbye', () => heard.some(({ payload }) => payload.startsWith('bye')));
    assert.equal(
      heard.some(({ payload }) => payload.startsWith('dead')),
      false,
    );
  });
});

describe('the link, with mosquitto,', { skip: missing('mosquitto') }, () => {
  it('greets in order on the first connection and on every later one, before it drains', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const heard = await listen(t, broker.url);
    const { outbox, link } = await createLink(t, broker.url);
    outbox.enqueue({ class: 'event', topic: 'dev/first', payload: '1' });
    await waitUntil('first messages', () => heard.length >= 4);
    assert.deepEqual(
      heard.map(({ topic }) => topic),
      ['dev/status', 'dev/info', 'dev/reported', 'dev/first'],
    );
    await broker.stop();
    await waitUntil('disconnected', () => !link.isConnected);
    outbox.enqueue({ class: 'event', topic: 'dev/second', payload: '2' });
    heard.length = 0;
    await broker.start();
    await waitUntil('second messages', () => heard.some(({ topic }) => topic === 'dev/second'));
    await waitUntil('a second greeting', () => heard.some(({ payload }) => payload.startsWith('alive')));
    assert.equal(heard.filter(({ topic }) => topic === 'dev/second').length, 1);
  });

  it('waits for a broker that is down at the start, and then delivers what gathered', async (t) => {
    const broker = await mosquitto(t);
    const { outbox, link } = await createLink(t, broker.url);
    for (let count = 0; count < 50; count += 1)
      outbox.enqueue({ class: 'event', topic: 'dev/ev', payload: `${count}` });
    assert.equal(link.isConnected, false);
    await broker.start();
    const heard = await listen(t, broker.url);
    await waitUntil('an empty outbox', () => {
      outbox.commit([]);
      return outbox.waiting === 0;
    });
    const payloads = heard.filter(({ topic }) => topic === 'dev/ev').map(({ payload }) => Number(payload));
    assert.deepEqual(
      payloads,
      payloads.toSorted((a, b) => a - b),
      'in order',
    );
  });

  it('leaves its will when it dies without a word', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const heard = await listen(t, broker.url);
    const signal = AbortSignal.timeout(5000);
    const will = { topic: 'dev/status', payload: 'dead' };
    const options = { url: broker.url, clientId: 'dev', will, onMessage: () => undefined, signal };
    const connection = await connectOnce({ ...options, version: 4 });
    connection.destroy();
    await waitUntil('the will', () => heard.some(({ payload }) => payload === 'dead'));
  });

  it('rejects what was in flight when the broker goes away', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const signal = AbortSignal.timeout(5000);
    const will = { topic: 'w', payload: '' };
    const options = { url: broker.url, clientId: 'dev', will, onMessage: () => undefined, signal };
    const connection = await connectOnce({ ...options, version: 5 });
    await broker.stop();
    await connection.closed;
    await assert.rejects(connection.publish('t', 'x', { qos: 1, retain: false }), /connection ended/);
  });

  it('tells a network where nothing listens from a refusal', async () => {
    const signal = AbortSignal.timeout(5000);
    const url = `mqtt://127.0.0.1:${await freePort()}`;
    const options = { url, clientId: 'dev', will: { topic: 'w', payload: '' }, onMessage: () => undefined, signal };
    await assert.rejects(connectOnce({ ...options, version: 5 }), { kind: 'network' });
  });
});

describe('the pauses of a link', () => {
  /** A link whose attempts are `connect`; notes when each began. */
  async function attemptsOf(t: TestContext, connect: (clock: FakeClock) => Promise<Connection>, forMs: number) {
    const clock = new FakeClock();
    const begunMs: number[] = [];
    const { link, stop } = await createLinkOn(t, 'mqtt://unused', clock, () => {
      begunMs.push(clock.monotonicMs());
      return connect(clock);
    });
    const run = link.run(stop.signal);
    await clock.advance(forMs);
    const gaps = begunMs.map((ms, index) => ms - (begunMs[index - 1] ?? ms));
    stop.abort();
    await clock.advance(20_000); // an attempt that is under way ends
    await run;
    return gaps;
  }

  it('grow although each attempt lasts long in a network that swallows it', async (t) => {
    const swallow = async (clock: FakeClock) => {
      await clock.sleep(12_000);
      throw new ConnectFailure('network', 'timed out');
    };
    const gaps = await attemptsOf(t, swallow, 200_000);
    // Half of each ceiling, as random is 0.
    assert.deepEqual(gaps.slice(0, 7), [0, 12_125, 12_250, 12_500, 13_000, 14_000, 16_000]);
  });

  for (const { heldMs, pauses } of [
    { heldMs: 11_000, pauses: [125, 125, 125] },
    { heldMs: 9000, pauses: [125, 250, 500] },
  ])
    it(`${pauses[1] === 125 ? 'are short again' : 'grow'} after a connection that held for ${heldMs} ms`, async (t) => {
      const hold = async (clock: FakeClock): Promise<Connection> => {
        const { promise: closed, resolve } = Promise.withResolvers<string>();
        const end = () => resolve('ended');
        void clock.sleep(heldMs).then(end);
        return {
          ...{ version: 5, sessionPresent: true, receiveMaximum: 20, closed },
          ...{ publish: async () => undefined, subscribe: async () => undefined },
          ...{ end: async () => end(), destroy: end },
        };
      };
      const gaps = await attemptsOf(t, hold, 4 * heldMs);
      assert.deepEqual(
        gaps.slice(1, 4).map((gap) => gap - heldMs),
        pauses,
      );
    });
});

describe('nextVersion', () => {
  it('goes from 5 to 3.1.1 and back for refusals of the version, and stays for everything else', () => {
    assert.deepEqual(nextVersion(5, { kind: 'refused', reasonCode: 0x84 }), { version: 4, isFallback: true });
    assert.deepEqual(nextVersion(5, { kind: 'no answer', reasonCode: undefined }), { version: 4, isFallback: true });
    assert.deepEqual(nextVersion(4, { kind: 'refused', reasonCode: 0x01 }), { version: 5, isFallback: false });
    assert.deepEqual(nextVersion(5, { kind: 'network', reasonCode: undefined }), { version: 5, isFallback: false });
    assert.deepEqual(nextVersion(5, { kind: 'refused', reasonCode: 0x87 }), { version: 5, isFallback: false });
  });
});

describe('retryDelays', () => {
  const ceilings = (count: number, maxMs?: number) => {
    const delays = retryDelays(() => 1, maxMs);
    return Array.from({ length: count }, () => delays.next().value);
  };

  it('begins well under a second, grows, and never waits more than a minute', () => {
    const found = ceilings(40);
    assert.equal(found[0], 250);
    assert.equal(Math.max(...found), 60_000);
    assert.deepEqual(
      found,
      found.toSorted((a, b) => a - b),
    );
    assert.equal(retryDelays(() => 0).next().value, 125, 'jitter takes at most half');
  });

  it('knocks at least every 15 s for the first five minutes', () => {
    let elapsedMs = 0;
    for (const delay of ceilings(40)) {
      if (elapsedMs < 300_000) assert.ok(delay <= 15_000, `${delay} ms after ${elapsedMs} ms`);
      elapsedMs += delay;
    }
  });

  it('waits as long as it is told at most', () => {
    assert.equal(Math.max(...ceilings(2000, 5000)), 5000);
    assert.equal(ceilings(2000, 600_000).at(-1), 600_000);
  });
});

describe('the link on a disk that is full', () => {
  it('says that it cannot count a session, rather than that there is no broker, and connects once it can', async (t) => {
    const store = openStore(await temporaryFolder(t));
    t.after(() => store[Symbol.dispose]());
    const clock = new FakeClock();
    const said: string[] = [];
    const note = (_: unknown, text: string) => said.push(text);
    const log = { info: note, warn: note } as unknown as Logger;
    const limits = { maxBytes: 2 ** 26, maxAgeMs: 3_600_000 };
    const outbox = new Outbox({ store, clock, log, topicOf: (stream) => stream, limits, random: () => 0 });
    let isFull = true;
    let attempts = 0;
    const link = new Link({
      ...{
        clock,
        random: () => 0,
        log,
        outbox,
        maxDelayMs: 60_000,
        target: { url: 'mqtt://nowhere', clientId: 'dev' },
      },
      subscriptions: [],
      session: () => {
        if (isFull) throw new OctetError('DISK_FULL', 'expected room to write');
        return {
          will: { topic: 'w', payload: '' },
          greetings: () => [],
          farewell: () => ({ topic: 'w', payload: '' }),
        };
      },
      connect: async () => {
        attempts += 1;
        throw new Error('refused');
      },
      onMessage: () => undefined,
      onForgotten: () => undefined,
    });
    const stop = new AbortController();
    const run = link.run(stop.signal);
    await clock.advance(2000);
    assert.ok(
      said.length > 0 && said.every((text) => text === 'the disk is full: no session can be counted'),
      said.join(),
    );
    assert.equal(attempts, 0, 'nobody is knocked at in the name of a session that cannot be counted');
    isFull = false;
    await clock.advance(60_000);
    assert.ok(attempts > 0);
    stop.abort();
    await run;
  });
});
