import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import mqtt, { type IPublishPacket } from 'mqtt';
import { topics } from '../../../agent/protocol/topics.ts';
import { signOrder } from '../../../fleet/operator/sign.ts';
import { mosquitto } from '../../support/mosquitto.ts';
import { device, operatorKey } from '../../support/order-desk.ts';
import { missing } from '../../support/requirements.ts';
import { smallDevice } from '../../support/small-device.ts';

describe('MQTT 5', { skip: missing('mosquitto') }, () => {
  it('carries correlation data, content type and status of an answer, to whoever signed the question', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const alice = operatorKey('alice');
    await smallDevice(t, broker.url, [alice]);
    const client = await mqtt.connectAsync(broker.url, { protocolVersion: 5 });
    t.after(() => client.endAsync(true));
    await client.subscribeAsync(topics.repliesTo('alice'), { qos: 1 });
    const topic = topics.request(device, 'ping');
    const options = { topic, device, nowMs: Date.now(), lifeSeconds: 30 };
    const question = await signOrder({ jti: 'q1', args: {} }, alice, options);
    const answered = new Promise<readonly [string, IPublishPacket]>((resolve) => {
      client.once('message', (under, _payload, packet) => resolve([under, packet]));
    });
    await client.publishAsync(topic, question, {
      qos: 1,
      properties: { correlationData: Buffer.from('c1'), responseTopic: topics.reply('mallory', device) },
    });
    const [heardUnder, packet] = await answered;
    assert.equal(heardUnder, topics.reply('alice', device));
    assert.equal(packet.properties?.correlationData?.toString(), 'c1');
    assert.equal(packet.properties?.contentType, 'application/json');
    assert.deepEqual({ ...packet.properties?.userProperties }, { status: '200' });
    assert.ok((packet.properties?.messageExpiryInterval ?? 0) > 0);
  });
});
