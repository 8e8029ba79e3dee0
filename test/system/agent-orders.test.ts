import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import mqtt from 'mqtt';
import { type Channel, channels } from '../../agent/protocol/channels.ts';
import { headerSchema } from '../../agent/protocol/orders.ts';
import { topics } from '../../agent/protocol/topics.ts';
import { FleetView } from '../../fleet/operator/fleet-view.ts';
import { Operator } from '../../fleet/operator/operator.ts';
import { makeOperatorKey, readOperatorKey } from '../../fleet/operator/operator-keys.ts';
import { OperatorLink } from '../../fleet/operator/operator-link.ts';
import { bundledFolder } from '../../models/bundled.ts';
import { manifestFile } from '../../models/manifest.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { sha256OfFile } from '../../runtime/base/files.ts';
import { mosquitto } from '../support/mosquitto.ts';
import { missing } from '../support/requirements.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';
import { device, install } from './agent-fixture.ts';

type Heard = { readonly topic: string; readonly text: string; readonly retain: boolean };

/** A broker, an agent that runs only what is ordered, its operator, and somebody who hears everything. */
async function site(t: TestContext) {
  const broker = await mosquitto(t);
  await broker.start();
  const { privateFile, publicFile } = await makeOperatorKey('alice', await temporaryFolder(t));
  const key = await readOperatorKey(privateFile);
  const installation = await install(t, {
    brokerUrl: broker.url,
    config: { orders: { operatorKeys: publicFile } },
    isOrdered: true,
  });
  await installation.knowFloat32();
  const heard: Heard[] = [];
  const listener = await mqtt.connectAsync(broker.url, { reconnectPeriod: 100 });
  listener.on('message', (topic, payload, { retain }) => heard.push({ topic, text: payload.toString(), retain }));
  await listener.subscribeAsync('octet/1/#', { qos: 1 });
  t.after(() => listener.endAsync(true));
  const stop = new AbortController();
  const view = new FleetView('alice', systemClock);
  const link = await OperatorLink.open({
    target: { url: broker.url, clientId: 'alice' },
    filters: [topics.everythingFrom(device), topics.desired(device), topics.repliesTo('alice')],
    ...{ clock: systemClock, signal: stop.signal, onMessage: view.take },
  });
  t.after(() => link[Symbol.asyncDispose]());
  const operator = new Operator({ ...{ key, link, view, clock: systemClock, signal: stop.signal }, known: [key] });
  const digest = await sha256OfFile(join(bundledFolder('watch-exercise'), manifestFile));
  return {
    broker,
    installation,
    heard,
    view,
    operator,
    deployArgs: { slot: 'main', target: 'watch-exercise', digest },
  };
}

const isOnline = (view: FleetView) => () =>
  view.device(device)?.status?.online && view.device(device)?.reported !== undefined;
const following = { timeoutMs: 60_000 };

describe('an agent that is given orders', { skip: missing('mosquitto') }, () => {
  it('runs nothing until it is told, then what the order says; every message is what the published protocol says', async (t) => {
    const { installation, heard, view, operator, deployArgs } = await site(t);
    const agent = installation.start();
    await waitUntil('the device', isOnline(view));
    assert.equal(view.device(device)?.reported?.slots[0]?.active, null);
    const order = await operator.desire(device, deployArgs);
    const end = await operator.follow(device, order, following);
    assert.equal(end.state, 'succeeded', `${JSON.stringify(end)}\n${agent.log()}`);
    const states = heard.flatMap(({ topic, text }) =>
      topic === topics.jobState(device, order.id) ? [JSON.parse(text).state as string] : [],
    );
    assert.ok(states.includes('confirming'), states.join(' '));
    await waitUntil('the twin', () => view.device(device)?.reported?.slots[0]?.state === 'succeeded');
    assert.equal(view.device(device)?.reported?.desiredVersion, order.version);

    const bench = await operator.give(device, 'benchmark', { slot: 'main', durationMs: 1000 }, 600);
    assert.equal((await operator.follow(device, bench, following)).state, 'succeeded');
    const record = await waitUntil('the record', () => view.benchRecords.find(({ body }) => body.report));
    assert.equal(record.body.digest, deployArgs.digest);
    const logs = await operator.give(device, 'collect-logs', { lines: 20 }, 600);
    await operator.follow(device, logs, following);
    const explained = await operator.ask(device, 'explain', {}, 10_000);
    assert.deepEqual((explained.body as { order: { operator: string } }).order.operator, 'alice');
    for (const name of ['ping', 'snapshot', 'tail-log', 'self-check'] as const)
      assert.equal((await operator.ask(device, name, {}, 10_000)).status, 200, name);
    await waitUntil('telemetry', () => heard.some(({ topic }) => topic === topics.telemetry(device, 'decisions')));
    assert.deepEqual(problemsOf(heard), []);
    const names = new Set(heard.map(({ topic }) => channelOf(topic)?.[0]));
    assert.deepEqual(
      [...Object.keys(channels)].filter((name) => !names.has(name)),
      [],
      'each kind of message was heard',
    );
  });

  it('goes on with an order after kill -9, and never takes it twice', async (t) => {
    const { installation, heard, view, operator, deployArgs } = await site(t);
    const agent = installation.start();
    await waitUntil('the device', isOnline(view));
    const order = await operator.desire(device, deployArgs);
    await waitUntil('the order to be under way', () => view.job(device, order.id)?.state === 'confirming');
    agent.process.kill('SIGKILL');
    installation.start();
    const end = await operator.follow(device, order, following);
    assert.equal(end.state, 'succeeded', JSON.stringify(end));
    const isSucceeded = ({ topic, text }: Heard) =>
      topic === topics.jobState(device, order.id) && /"state":"succeeded"/.test(text);
    await waitUntil('the end to be heard', () => heard.some(isSucceeded));
    const said = heard.flatMap(({ topic, text }) =>
      topic === topics.jobState(device, order.id) ? [JSON.parse(text) as { seq: number; state: string }] : [],
    );
    const bySeq = new Map(said.map(({ seq, state }) => [seq, state]));
    assert.ok(
      said.every(({ seq, state }) => bySeq.get(seq) === state),
      'one state for each number',
    );
    // Of states that follow each other at once, the outbox sends the newest.
    assert.ok([...bySeq.values()].filter((state) => state === 'queued').length <= 1, 'taken once');
    assert.equal([...bySeq.values()].filter((state) => state === 'succeeded').length, 1);
  });

  it('refuses what the repository does not have under that name, and a step back where there is none', async (t) => {
    const { installation, view, operator } = await site(t);
    installation.start();
    await waitUntil('the device', isOnline(view));
    const wrong = await operator.desire(device, { slot: 'main', target: 'watch-exercise', digest: 'f'.repeat(64) });
    const end = await operator.follow(device, wrong, following);
    assert.equal(end.state, 'rejected', 'what the repository has is not what was signed');
    const back = await operator.give(device, 'rollback', { slot: 'main' }, 600);
    const nothing = await operator.follow(device, back, following);
    assert.equal(nothing.state, 'rejected');
    assert.match(nothing.error?.message ?? '', /expected a deployment before this one/);
  });
});

function channelOf(topic: string): [string, Channel] | undefined {
  return (Object.entries(channels) as [string, Channel][]).find(([, { topic: pattern }]) =>
    new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(topic),
  );
}

/** Messages that are not what the table says: their form, their schema. */
function problemsOf(heard: readonly Heard[]): string[] {
  return heard.flatMap(({ topic, text }) => {
    const channel = channelOf(topic)?.[1];
    if (channel === undefined) return [`${topic}: in no row of the table`];
    if (text === '') return [];
    const [header, claims] = text.split('.').map((part) => Buffer.from(part, 'base64url').toString('utf8'));
    if (channel.form === 'jws' && !headerSchema.safeParse(JSON.parse(header ?? '')).success)
      return [`${topic}: header`];
    const result = channel.schema.safeParse(JSON.parse(channel.form === 'jws' ? (claims ?? '') : text));
    return result.success ? [] : [`${topic}: ${JSON.stringify(result.error.issues[0])}`];
  });
}
