import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mosquitto } from '../support/mosquitto.ts';
import { missing } from '../support/requirements.ts';
import { waitUntil } from '../support/wait-until.ts';
import { Consumer, install } from './agent-fixture.ts';

describe('an agent and a broker that comes and goes', { skip: missing('mosquitto') }, () => {
  it('delivers what was decided while the broker was away: each once, in order, and goes on live', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const consumer = await Consumer.connect(t, broker.url);
    const installation = await install(t, { brokerUrl: broker.url });
    await installation.knowFloat32();
    installation.start();
    await consumer.decisions(30);
    await broker.stop();
    const before = consumer.of('decisions').points.length;
    await waitUntil('six seconds of outage', pause(6000));
    await broker.start();
    // About 16 decisions a second: 6 s away, and then some live ones.
    await consumer.decisions(before + 6 * 12 + 30);
    const { epochs, missing: lost, duplicates, isInOrder, gaps, points } = consumer.of('decisions');
    t.diagnostic(`${points.length} decisions, ${duplicates} duplicates`);
    assert.deepEqual([lost, gaps, epochs.length, isInOrder], [[], [], 1, true]);
    assert.ok(duplicates <= 20 * 20, 'at most what was in flight comes twice');
    assert.ok(consumer.batches.some(({ hist }) => hist));
    assert.equal(consumer.of('system').missing.length, 0);
  });

  it('loses nothing when the broker goes away again in the middle of the backlog', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const consumer = await Consumer.connect(t, broker.url);
    const installation = await install(t, { brokerUrl: broker.url, speed: 60 });
    await installation.knowFloat32();
    installation.start();
    await consumer.decisions(30);
    for (let outage = 0; outage < 4; outage += 1) {
      await broker.stop();
      await waitUntil('an outage', pause(1500));
      const before = consumer.batches.length;
      await broker.start();
      await waitUntil('the first word after it', () => consumer.batches.length > before);
    }
    await consumer.decisions(consumer.of('decisions').points.length + 60);
    const { missing: lost, duplicates, epochs } = consumer.of('decisions');
    t.diagnostic(`${duplicates} duplicates`);
    assert.deepEqual([lost, epochs.length], [[], 1]);
  });

  it('decides from the first second when the broker is down at the start, and delivers later', async (t) => {
    const broker = await mosquitto(t);
    const installation = await install(t, { brokerUrl: broker.url });
    await installation.knowFloat32();
    const agent = installation.start();
    await waitUntil('four seconds without a broker', pause(4000));
    assert.equal(agent.process.exitCode, null);
    await broker.start();
    const consumer = await Consumer.connect(t, broker.url);
    await consumer.decisions(50);
    const [first] = consumer.of('decisions').points;
    assert.match(first ?? '', /^1-[0-9a-f]{6}\/0$/);
    assert.equal(consumer.of('decisions').missing.length, 0);
    assert.equal(consumer.slot?.active?.variant, 'float32');
  });

  it('stops within 3 s of SIGTERM and says that it is offline', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const consumer = await Consumer.connect(t, broker.url);
    const installation = await install(t, { brokerUrl: broker.url });
    await installation.knowFloat32();
    const agent = installation.start();
    await consumer.decisions(5);
    const fromMs = performance.now();
    agent.process.kill('SIGTERM');
    assert.equal(await agent.exitCode(), 0);
    assert.ok(performance.now() - fromMs < 3000, `took ${Math.round(performance.now() - fromMs)} ms`);
    await waitUntil('offline', () => consumer.statuses.at(-1)?.online === false);
    assert.equal(consumer.statuses.at(-1)?.sess, consumer.statuses.find(({ online }) => online)?.sess);
  });
});

/** True once so much time has passed: an outage is a time, so here time itself is the condition. */
function pause(ms: number): () => boolean {
  const untilMs = performance.now() + ms;
  return () => performance.now() >= untilMs;
}
