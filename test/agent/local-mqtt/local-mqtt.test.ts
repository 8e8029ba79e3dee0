/** The programs between a local broker and the runner, as processes, against a real broker. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { it, type TestContext } from 'node:test';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import { mqttSink, mqttSource } from '../../../agent/local-mqtt/commands.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { createSink } from '../../../runtime/infer/sinks/create-sink.ts';
import { openSource } from '../../../runtime/infer/sources/open-source.ts';
import { pipeline } from '../../runtime/infer/small-runner.ts';
import { waitUntil } from '../../support/wait-until.ts';

async function broker(t: TestContext): Promise<{ url: string; client: mqtt.MqttClient; subscribers: () => number }> {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let subscribed = 0;
  aedes.on('subscribe', () => {
    subscribed++;
  });
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = await mqtt.connectAsync(url);
  t.after(async () => {
    await client.endAsync(true);
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    await new Promise((resolve) => server.close(resolve));
  });
  return { url, client, subscribers: () => subscribed };
}

it('messages of a local topic are samples, arrays and objects alike', { timeout: 30_000 }, async (t) => {
  const { url, client, subscribers } = await broker(t);
  const stopping = new AbortController();
  const problems = { reporter: () => () => {} };
  const context = { pipeline, clock: systemClock, problems, signal: stopping.signal };
  const source = await openSource(mqttSource({ url, topic: 'garden/imu' }), context);
  const values: number[] = [];
  const reading = (async () => {
    for await (const { rows } of source) {
      values.push(...rows);
      if (values.length >= 4) stopping.abort();
    }
  })();
  await waitUntil('the program subscribed', () => subscribers() > 0);
  await client.publishAsync('garden/imu', '[1, 2]');
  await client.publishAsync('garden/imu', '{\n  "b": 4,\n  "a": 3\n}');
  await reading;
  assert.deepEqual(values, [1, 2, 3, 4]);
});

it('decisions for the chosen labels reach a local topic', { timeout: 30_000 }, async (t) => {
  const { url, client } = await broker(t);
  const heard: string[] = [];
  client.on('message', (_, payload) => heard.push(JSON.parse(payload.toString()).label));
  await client.subscribeAsync('garden/decisions');
  const sink = createSink(mqttSink({ url, topic: 'garden/decisions' }, ['walk']), () => {}, systemClock);
  // Until the program is connected decisions are lost, as they may be.
  await waitUntil('a decision arrived', () => {
    for (const label of ['run', 'walk']) sink.write({ tUs: 1, seq: 0, label, score: 1, latencyUs: 1 });
    return heard.length > 0;
  });
  await sink.close();
  assert.deepEqual([...new Set(heard)], ['walk']);
});
