import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { infoSchema } from '../../agent/protocol/messages.ts';
import { mosquitto } from '../support/mosquitto.ts';
import { missing } from '../support/requirements.ts';
import { waitUntil } from '../support/wait-until.ts';
import { Consumer, childrenOf, install } from './agent-fixture.ts';

describe('the life of a deployment', { skip: missing('mosquitto') }, () => {
  it('goes from an empty device to the variant that the evidence supports, and keeps it over a restart', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const consumer = await Consumer.connect(t, broker.url);
    const people = Array.from({ length: 10 }, (_, index) => `p${String(index + 1).padStart(2, '0')}`);
    const installation = await install(t, { brokerUrl: broker.url, people, windows: 1100 });
    const agent = installation.start();
    const seen = new Set<string>();
    const settled = () => {
      if (consumer.slot) seen.add(consumer.slot.state);
      return consumer.slot && ['succeeded', 'failed', 'rolled_back'].includes(consumer.slot.state);
    };
    await waitUntil('the deployment to settle', settled, 120_000);
    const slot = consumer.slot!;
    assert.equal(slot.state, 'succeeded', `${JSON.stringify(slot.error)}\n${agent.log()}`);
    assert.ok(seen.has('calibrating') && seen.has('measuring'), [...seen].join(' '));
    t.diagnostic(`${slot.active?.variant}: ${slot.active?.verdict}`);
    const chosen = slot.trials.find((row) => row.chosen);
    assert.equal(chosen?.sha256, slot.active?.sha256);
    assert.ok(slot.trials.some(({ variant }) => variant === 'float32'));
    await waitUntil('one bench record per trial', () => consumer.benchTopics.size === slot.trials.length);
    const info = infoSchema.parse(consumer.info);
    assert.deepEqual(info.simulated, ['slot main: sensor replayed from recordings']);
    assert.deepEqual(consumer.of('decisions').missing, []);
    const mapsOf = (pid: number | undefined) => readFileSync(`/proc/${pid}/maps`, 'utf8');
    assert.doesNotMatch(mapsOf(agent.pid), /onnxruntime/, 'the agent itself never loads ONNX Runtime');
    assert.match(mapsOf((await childrenOf(agent.pid))[0]), /onnxruntime/, 'its runner does');

    agent.process.kill('SIGTERM');
    assert.equal(await agent.exitCode(), 0);
    await broker.stop();
    const lines = () => readFileSync(`${installation.dataFolder}/decisions.jsonl`, 'utf8').split('\n').length;
    const before = lines();
    const fromMs = performance.now();
    installation.start();
    await waitUntil('a decision', () => lines() > before, 3000);
    t.diagnostic(`first decision ${Math.round(performance.now() - fromMs)} ms after a restart, offline`);
    await broker.start();
    await waitUntil('the same variant', () => consumer.statuses.at(-1)?.online && consumer.slot?.state === 'succeeded');
    assert.equal(consumer.slot?.active?.sha256, slot.active?.sha256);
    assert.equal(seen.has('failed'), false);
  });

  it('has one agent per data folder: a second one is refused and says how to find the first', async (t) => {
    const installation = await install(t, { brokerUrl: 'mqtt://127.0.0.1:1' });
    await installation.knowFloat32();
    const first = installation.start();
    await waitUntil('the first to run', async () => (await childrenOf(first.pid)).length > 0);
    const second = installation.start();
    assert.equal(await second.exitCode(), 1);
    assert.match(second.log(), /STORE_FAILED.*only agent[\s\S]*fuser/);
    assert.equal(first.process.exitCode, null);
  });
});
