import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { backlogPerTick, backlogSpreadMs, pageRows, shortBacklogRows } from '../../../agent/outbox/lanes.ts';
import type { OutboxMessage } from '../../../agent/outbox/message.ts';
import { Outbox, type OutboxLimits } from '../../../agent/outbox/outbox.ts';
import { type Telemetry, telemetrySchema } from '../../../agent/protocol/messages.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { StreamWriter } from '../../../agent/telemetry/stream-writer.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const week = 7 * 24 * 3_600_000;
const topicOf = (stream: string) => `t/${stream}`;
const log = { warn: () => undefined };

async function setUp(t: TestContext, limits: Partial<OutboxLimits> = {}) {
  const folder = await temporaryFolder(t);
  const clock = new FakeClock();
  const create = () => {
    const store = openStore(folder);
    const options = {
      store,
      clock,
      log,
      topicOf,
      random: () => 0,
      limits: { maxBytes: 2 ** 26, maxAgeMs: week, ...limits },
    };
    return { store, outbox: new Outbox(options) };
  };
  const { store, outbox } = create();
  const writer = new StreamWriter('dev');
  const epoch = writer.begin('decisions', '1-a');
  /** One second with `points` new points. */
  const second = (points: number) => {
    for (let count = 0; count < points; count += 1) epoch.append(epoch.next, [epoch.next, 'label']);
    const { batches, gaps } = writer.take(clock.wallMs());
    outbox.commit(batches, gaps);
  };
  t.after(() => store[Symbol.dispose]());
  return { clock, store, outbox, epoch, second, create };
}

function drain(outbox: Outbox): OutboxMessage[] {
  const messages: OutboxMessage[] = [];
  for (let message = outbox.next(); message; message = outbox.next()) messages.push(message);
  return messages;
}

const telemetryOf = ({ payload }: OutboxMessage): Telemetry => telemetrySchema.parse(JSON.parse(payload));

describe('the outbox', () => {
  it('says in the log which message the broker refused for good', async (t) => {
    const { clock, store } = await setUp(t);
    const warned: unknown[] = [];
    const limits = { maxBytes: 2 ** 26, maxAgeMs: week };
    const outbox = new Outbox({
      store,
      clock,
      topicOf,
      limits,
      random: () => 0,
      log: { warn: (about: unknown) => warned.push(about) },
    });
    outbox.enqueue({ class: 'event', topic: 'dev/event/x', payload: '{}' });
    outbox.refuse(outbox.next()!, 'broker: packet too large');
    assert.deepEqual(warned, [{ topic: 'dev/event/x', reason: 'broker: packet too large', rows: 1 }]);
  });

  it('sends what is live as it comes, in batches whose numbers follow each other', async (t) => {
    const { outbox, second } = await setUp(t);
    second(3);
    second(2);
    outbox.rewind();
    second(4);
    const sent = drain(outbox).map(telemetryOf);
    assert.deepEqual(
      sent.map(({ first, last, hist, pts }) => [first, last, hist, pts.length]),
      [
        [0, 4, true, 5],
        [5, 8, false, 4],
      ],
    );
  });

  it('deletes a row only once it is acknowledged, and not before the next commit', async (t) => {
    const { outbox, store, second } = await setUp(t);
    second(1);
    const [message] = drain(outbox);
    second(0);
    assert.equal(store.outbox.totals().count, 1);
    outbox.acknowledge(message!);
    second(0);
    assert.equal(store.outbox.totals().count, 0);
  });

  it('sends again what was not acknowledged when the connection ended, and nothing that was', async (t) => {
    const { outbox, second } = await setUp(t);
    second(1);
    const [first] = drain(outbox);
    second(1);
    const [second2] = drain(outbox);
    outbox.acknowledge(first!);
    outbox.rewind();
    const again = drain(outbox).map(telemetryOf);
    assert.deepEqual(
      again.map(({ first, last }) => [first, last]),
      [[telemetryOf(second2!).first, 1]],
    );
  });

  it('lets no live data overtake a short backlog that begins with a page of acknowledged rows', async (t) => {
    const { outbox, store, clock } = await setUp(t);
    const insert = (topic: string, stream: string) =>
      store.outbox.insert({
        ...{ class: 'telemetry', qos: 1, retain: false, createdMs: clock.wallMs(), topic, payload: '[[1]]' },
        range: { stream, epoch: '1-a', first: 0, last: 0 },
      });
    store.transaction(() => {
      for (let index = 0; index < 2 * pageRows; index += 1) insert('old', `s${index}`);
    });
    outbox.rewind();
    for (let count = 0; count < pageRows; count += 1) outbox.acknowledge(outbox.next()!);
    // Connected again, before the acknowledged ones are deleted.
    outbox.rewind();
    store.transaction(() => insert('live', 'decisions'));
    const topics = drain(outbox).map(({ topic }) => topic);
    assert.deepEqual([topics.length, topics.indexOf('live')], [pageRows + 1, pageRows]);
  });

  it('keeps of a retained topic only the newest message that still waits', async (t) => {
    const { outbox, store } = await setUp(t);
    for (const payload of ['1', '2', '3']) outbox.enqueue({ class: 'state', topic: 'job/a', payload, retain: true });
    outbox.enqueue({ class: 'state', topic: 'job/b', payload: '9', retain: true });
    assert.deepEqual([outbox.waiting, store.outbox.totals().count], [2, 2]);
    assert.deepEqual(
      drain(outbox).map(({ payload }) => payload),
      ['3', '9'],
    );
    outbox.enqueue({ class: 'state', topic: 'job/a', payload: '4', retain: true });
    assert.equal(outbox.waiting, 3, 'what is on its way is not taken back');
  });

  it('lets a flood of events push out the oldest events, and no telemetry', async (t) => {
    const { outbox, second, store } = await setUp(t, { maxBytes: 40_000 });
    second(10);
    for (let count = 0; count < 400; count += 1) outbox.enqueue({ class: 'event', topic: 'ev', payload: `${count}` });
    for (let count = 0; count < 3; count += 1) second(0);
    assert.ok(store.outbox.bytes('event') <= 40_000 / 8);
    const sent = drain(outbox);
    assert.equal(sent.filter(({ topic }) => topic !== 'ev').length, 1);
    assert.equal(sent.filter(({ topic }) => topic === 'ev').at(-1)?.payload, '399', 'the newest are kept');
  });

  it('exceeds its quota by at most one second’s telemetry, however fast that comes', async (t) => {
    const { outbox, store, clock } = await setUp(t, { maxBytes: 100_000 });
    const writer = new StreamWriter('dev');
    const epochs = Array.from({ length: 800 }, (_, index) => writer.begin(`s${index}`, '1-a'));
    for (let count = 0; count < 8; count += 1) {
      for (const epoch of epochs) epoch.append(epoch.next, ['x'.repeat(50)]);
      outbox.commit(writer.take(clock.wallMs()).batches);
    }
    const secondBytes = 800 * (50 + 150);
    assert.ok(store.outbox.bytes('telemetry') <= 100_000 + secondBytes, `${store.outbox.bytes('telemetry')}`);
  });

  it('waits a random while with a long backlog after a connection, but not with what is live', async (t) => {
    const { store, clock } = await setUp(t);
    const limits = { maxBytes: 2 ** 26, maxAgeMs: week };
    const outbox = new Outbox({ store, clock, log, topicOf, limits, random: () => 0.5 });
    store.transaction(() => {
      for (let index = 0; index <= shortBacklogRows; index += 1)
        store.outbox.insert({
          ...{ class: 'telemetry', qos: 1, retain: false, createdMs: clock.wallMs(), topic: 'old', payload: '[[1]]' },
          range: { stream: 'decisions', epoch: '0-z', first: 2 * index, last: 2 * index },
        });
    });
    outbox.rewind();
    outbox.enqueue({ class: 'event', topic: 'ev', payload: '{}' });
    assert.deepEqual(
      drain(outbox).map(({ topic }) => topic),
      ['ev'],
    );
    await clock.advance(backlogSpreadMs / 2);
    assert.equal(drain(outbox).length, backlogPerTick);
  });

  it('puts state before events before telemetry', async (t) => {
    const { outbox, second } = await setUp(t);
    second(1);
    outbox.enqueue({ class: 'event', topic: 'ev', payload: '{}' });
    outbox.enqueue({ class: 'state', topic: 'bench', payload: '{}', retain: true });
    assert.deepEqual(
      drain(outbox).map(({ topic }) => topic),
      ['bench', 'ev', 'octet/1/d/dev/up/t/decisions'],
    );
  });

  it('lets live data overtake a long backlog, and sends so much of that a second', async (t) => {
    const { outbox, store, clock, second } = await setUp(t);
    const points = 'x'.repeat(200);
    store.transaction(() => {
      for (let index = 0; index <= shortBacklogRows; index += 1) {
        const range = { stream: 'decisions', epoch: '0-z', first: 2 * index, last: 2 * index };
        const createdMs = clock.wallMs();
        store.outbox.insert({
          class: 'telemetry',
          topic: 'old',
          payload: `["${points}"]`,
          qos: 1,
          retain: false,
          createdMs,
          range,
        });
      }
    });
    outbox.rewind();
    second(1);
    const sent = drain(outbox);
    assert.equal(telemetryOf(sent[0]!).hist, false);
    assert.equal(sent.length, 1 + backlogPerTick);
    assert.equal(drain(outbox).length, 0);
    second(0);
    assert.equal(drain(outbox).length, backlogPerTick);
  });

  it('drops the oldest telemetry beyond its byte quota and states exactly what is gone', async (t) => {
    const { outbox, second, epoch } = await setUp(t, { maxBytes: 20_000 });
    outbox.enqueue({ class: 'state', topic: 'bench', payload: '{}', retain: true });
    for (let count = 0; count < 60; count += 1) second(50);
    const sent = drain(outbox)
      .filter(({ topic }) => topic !== 'bench')
      .map(telemetryOf);
    const [gaps, data] = [sent.filter(({ gap }) => gap), sent.filter(({ gap }) => !gap)];
    assert.equal(gaps.length, 1, 'neighbouring gaps are one');
    assert.deepEqual(gaps[0]?.gap, { first: 0, last: data[0]!.first - 1, reason: 'quota' });
    assert.equal(data.at(-1)?.last, epoch.next - 1);
    assert.ok(data.reduce((sum, { pts }) => sum + JSON.stringify(pts).length, 0) < 20_000);
  });

  it('drops telemetry beyond its age, but not what a clock without battery dated to the past', async (t) => {
    const { outbox, second, clock } = await setUp(t, { maxAgeMs: 60_000 });
    clock.setWall(0);
    second(1);
    clock.setWall(Date.UTC(2026, 5, 1));
    second(1);
    second(0);
    assert.deepEqual(
      drain(outbox)
        .map(telemetryOf)
        .map(({ first, last }) => [first, last]),
      [[0, 1]],
    );
    outbox.rewind();
    await clock.advance(61_000);
    second(1);
    const sent = drain(outbox)
      .map(telemetryOf)
      .map(({ first, last, gap }) => [first, last, gap?.reason]);
    assert.deepEqual(sent, [
      [1, 1, 'age'],
      [0, 0, undefined],
      [2, 2, undefined],
    ]);
  });

  it('does not drop what is on its way', async (t) => {
    const { outbox, second } = await setUp(t, { maxBytes: 20_000 });
    second(50);
    const [onItsWay] = drain(outbox);
    for (let count = 0; count < 60; count += 1) second(50);
    const gap = drain(outbox)
      .map(telemetryOf)
      .find((batch) => batch.gap)?.gap;
    assert.equal(gap?.first, telemetryOf(onItsWay!).last + 1);
  });

  it('says so when numbers never arrived', async (t) => {
    const { outbox, second, epoch } = await setUp(t);
    second(2);
    epoch.append(5, [5, 'label']);
    second(0);
    const gap = drain(outbox)
      .map(telemetryOf)
      .find((batch) => batch.gap)?.gap;
    assert.deepEqual(gap, { first: 2, last: 4, reason: 'lost before the outbox' });
  });

  it('drops what the broker will never take, with a gap', async (t) => {
    const { outbox, second } = await setUp(t);
    second(2);
    const [message] = drain(outbox);
    outbox.refuse(message!, 'broker: packet too large');
    second(0);
    const [gap] = drain(outbox).map(telemetryOf);
    assert.deepEqual(gap?.gap, { first: 0, last: 1, reason: 'broker: packet too large' });
  });
});

describe('the outbox on a store without room', () => {
  it('drops telemetry instead of failing, and states the gap from the reserve', async (t) => {
    const folder = await temporaryFolder(t);
    using store = openStore(folder, { maxBytes: 200 * 1024, reserveBytes: 128 * 1024 });
    const limits = { maxBytes: 2 ** 30, maxAgeMs: week };
    const outbox = new Outbox({ store, clock: new FakeClock(), log, topicOf, limits, random: () => 0 });
    const writer = new StreamWriter('dev');
    const epoch = writer.begin('decisions', '1-a');
    const second = () => {
      for (let count = 0; count < 100; count += 1) epoch.append(epoch.next, [epoch.next, 'x'.repeat(80)]);
      outbox.commit(writer.take(0).batches);
    };
    for (let count = 0; count < 60; count += 1) second();
    const sent = drain(outbox).map(telemetryOf);
    const gaps = sent.flatMap(({ gap }) => gap ?? []);
    const arrived = sent.filter(({ gap }) => !gap).reduce((sum, { pts }) => sum + pts.length, 0);
    const stated = gaps.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    assert.equal(arrived + stated, epoch.next);
    assert.ok(arrived > 0 && stated > 0);
    assert.deepEqual(new Set(gaps.map(({ reason }) => reason)), new Set(['disk full']));
  });
});
