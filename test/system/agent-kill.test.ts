import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { openStore } from '../../agent/store/open-store.ts';
import { mosquitto } from '../support/mosquitto.ts';
import { missing } from '../support/requirements.ts';
import { waitUntil } from '../support/wait-until.ts';
import { Consumer, childrenOf, install, isAlive } from './agent-fixture.ts';

describe('kill -9', { skip: missing('mosquitto') }, () => {
  it('of the runner costs a new epoch and nothing that was decided before; the agent stays', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const consumer = await Consumer.connect(t, broker.url);
    const installation = await install(t, { brokerUrl: broker.url });
    await installation.knowFloat32();
    const agent = installation.start();
    await consumer.decisions(40);
    const [runner] = await childrenOf(agent.pid);
    process.kill(runner!, 'SIGKILL');
    await waitUntil('a second epoch', () => consumer.of('decisions').epochs.length === 2);
    await consumer.decisions(consumer.of('decisions').points.length + 20);
    const { epochs, missing: lost, duplicates } = consumer.of('decisions');
    assert.deepEqual(
      epochs.map((epoch) => epoch.split('-')[0]),
      ['1', '2'],
    );
    assert.deepEqual([lost, duplicates], [[], 0]);
    assert.equal(agent.process.exitCode, null);
    assert.notDeepEqual(await childrenOf(agent.pid), [runner]);
    await waitUntil('the event', () => consumer.events.some(({ topic }) => topic.endsWith('/runner-crash')));
    assert.equal(consumer.of('system').epochs.length, 1, 'other streams go on');
  });

  it('of the agent ends its children; after a restart everything stored arrives and it decides within 3 s', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const consumer = await Consumer.connect(t, broker.url);
    const installation = await install(t, { brokerUrl: broker.url });
    await installation.knowFloat32();
    const first = installation.start();
    await consumer.decisions(40);
    await broker.stop();
    await waitUntil('a backlog', stored(installation.dataFolder));
    const children = await childrenOf(first.pid);
    assert.equal(children.length, 1);
    first.process.kill('SIGKILL');
    await first.exitCode();
    await waitUntil('its children to end', async () => !(await isAlive(children[0]!)), 3000);
    const storedPoints = pointsIn(installation.dataFolder);
    assert.ok(storedPoints.length > 0);

    const decidedBefore = decisionsIn(installation.dataFolder);
    const fromMs = performance.now();
    const second = installation.start();
    await waitUntil('a decision', () => decisionsIn(installation.dataFolder) > decidedBefore, 3000);
    t.diagnostic(`first decision ${Math.round(performance.now() - fromMs)} ms after the start, without a broker`);
    await broker.start();
    await waitUntil('a second epoch', () => consumer.of('decisions').epochs.length === 2);
    await waitUntil('everything stored', () => {
      const arrived = new Set(consumer.of('decisions').points);
      return storedPoints.every((point) => arrived.has(point));
    });
    const { missing: lost, duplicates } = consumer.of('decisions');
    t.diagnostic(`${storedPoints.length} stored points, ${duplicates} duplicates`);
    assert.deepEqual(lost, []);
    assert.equal(second.process.exitCode, null);
    assert.deepEqual(consumer.of('system').missing, []);
  });

  it('again and again, at any moment, never makes the store unusable or a stored number come twice', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const consumer = await Consumer.connect(t, broker.url);
    const installation = await install(t, { brokerUrl: broker.url, speed: 60 });
    await installation.knowFloat32();
    // Moments spread over start, first commit and steady state.
    for (const lifeMs of [150, 400, 700, 1100, 1600, 2200]) {
      const agent = installation.start();
      const untilMs = performance.now() + lifeMs;
      await waitUntil('its end to come', () => performance.now() >= untilMs);
      agent.process.kill('SIGKILL');
      await agent.exitCode();
      using store = openStore(installation.dataFolder);
      assert.ok(store.outbox.totals().count >= 0);
    }
    const epochsBefore = consumer.of('decisions').epochs.length;
    installation.start();
    await waitUntil('a new epoch', () => consumer.of('decisions').epochs.length > epochsBefore);
    const received = consumer.of('decisions');
    assert.deepEqual(received.missing, []);
    assert.equal(new Set(received.epochs).size, received.epochs.length);
  });
});

type DataFolder = string;

function decisionsIn(dataFolder: DataFolder): number {
  return readFileSync(`${dataFolder}/decisions.jsonl`, 'utf8').split('\n').length;
}

/** True once the outbox holds a few seconds of decisions; read beside the running agent, as SQLite allows. */
function stored(dataFolder: DataFolder): () => boolean {
  return () => pointsIn(dataFolder).length > 30;
}

function pointsIn(dataFolder: DataFolder): string[] {
  using store = openStore(dataFolder);
  return store.outbox.between('telemetry', 0, Number.MAX_SAFE_INTEGER, 10_000).flatMap(({ range }) => {
    if (range?.stream !== 'decisions') return [];
    const { epoch, first, last } = range;
    return Array.from({ length: last - first + 1 }, (_, index) => `${epoch}/${first + index}`);
  });
}
