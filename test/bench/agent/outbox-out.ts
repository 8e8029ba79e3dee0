/**
 * How fast the outbox drains into a real broker, against MQTT.js alone: the same messages at QoS 1 with as many in flight, in
 * alternating rounds. The outbox reads each from SQLite, and deletes it when the broker has confirmed it.
 */
import { connectOnce } from '../../../agent/link/connect-once.ts';
import { Uplink } from '../../../agent/link/uplink.ts';
import { Outbox } from '../../../agent/outbox/outbox.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { median } from '../../../runtime/measure/statistics.ts';
import { mosquitto } from '../../support/mosquitto.ts';
import type { AgentBench } from '../agent.ts';
import type { BenchRow } from '../sections.ts';

const inFlight = 20;
const payload = JSON.stringify({ text: 'x'.repeat(180) });

export async function benchOutboxOut({ folder, isLong, context }: AgentBench): Promise<BenchRow[]> {
  const [messages, rounds] = isLong ? [50_000, 9] : [10_000, 5];
  const broker = await mosquitto(context);
  await broker.start();
  const connect = (clientId: string) =>
    connectOnce({
      ...{ url: broker.url, version: 5, clientId, signal: new AbortController().signal, onMessage: () => undefined },
      will: { topic: `${clientId}/status`, payload: '' },
    });
  const connection = await connect('bare');
  const bare = () =>
    timed(messages, async () => {
      let left = messages;
      const lane = async () => {
        while (left-- > 0) await connection.publish('bench/bare', payload, { qos: 1, retain: false });
      };
      await Promise.all(Array.from({ length: inFlight }, lane));
    });
  using store = openStore(folder);
  const limits = { maxBytes: 2 ** 29, maxAgeMs: 2 ** 40 };
  const log = { warn: () => undefined };
  const ours = async () => {
    fill(store, messages);
    const outbox = new Outbox({
      store,
      clock: systemClock,
      limits,
      log,
      topicOf: (stream) => stream,
      random: Math.random,
    });
    const commits = setInterval(() => outbox.commit([]), 1000);
    const uplinked = await connect('outbox');
    const uplink = new Uplink(uplinked, outbox);
    await uplink.subscribe(['bench/none']);
    const perSecond = await timed(messages, async () => {
      await uplink.open([]);
      while (outbox.waiting > 0) await systemClock.sleep(1);
    });
    clearInterval(commits);
    await uplinked.end();
    outbox.commit([]);
    if (store.outbox.totals().count > 0) throw new Error('expected the outbox to be empty after its drain');
    return perSecond;
  };
  const rates: { bare: number; ours: number }[] = [];
  for (let round = 0; round < rounds; round += 1) rates.push({ bare: await bare(), ours: await ours() });
  const measured = rates.slice(1);
  const [bareRate, ourRate] = [median(measured.map((rate) => rate.bare)), median(measured.map((rate) => rate.ours))];
  const ratio = median(measured.map((rate) => rate.ours / rate.bare));
  return [
    { name: `MQTT.js alone, QoS 1, ${inFlight} in flight`, value: bareRate, unit: '/s', target: '(stated)', ok: true },
    { name: 'the outbox, confirmed and deleted', value: ourRate, unit: '/s', target: '(stated)', ok: true },
    { name: 'the outbox over MQTT.js alone', value: ratio, unit: '', target: '≥ 0.8', ok: ratio >= 0.8 },
  ];
}

function fill(store: ReturnType<typeof openStore>, messages: number): void {
  store.transaction(() => {
    for (let index = 0; index < messages; index += 1)
      store.outbox.insert({
        ...{ class: 'event', topic: 'bench/outbox', payload, qos: 1, retain: false, createdMs: Date.now() },
      });
  });
}

async function timed(messages: number, work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (1000 * messages) / (performance.now() - startMs);
}
