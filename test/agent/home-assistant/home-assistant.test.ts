import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { configSchema } from '../../../agent/config.ts';
import { HomeAssistant } from '../../../agent/home-assistant/home-assistant.ts';
import type { Greeting } from '../../../agent/link/uplink.ts';
import { openStore, type Store } from '../../../agent/store/open-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const slot = (name: string) => ({ slot: name, target: 'm', source: { kind: 'command', command: ['true'] } });
const info = {
  ...{
    board: 'Raspberry Pi 5',
    soc: 'BCM2712',
    arch: 'arm64',
    cores: 4,
    cpuFeatures: [],
    memoryBytes: 1,
    onnxRuntime: '1',
  },
};

async function homeAssistant(t: TestContext, homeAssistant: object | undefined, kept?: Store) {
  const store = kept ?? openStore(await temporaryFolder(t));
  if (!kept) t.after(() => store[Symbol.dispose]());
  const config = configSchema.parse({
    ...{ device: 'gate-1', dataFolder: '/unused', broker: { url: 'mqtt://unused' }, homeAssistant },
    ...{ repository: { url: 'http://unused/', rootFile: 'unused' }, slots: [slot('main'), slot('door')] },
  });
  const published: Greeting[] = [];
  const clock = new FakeClock();
  const stop = new AbortController();
  const it = new HomeAssistant({
    ...{ config, store, ports: { clock, random: () => 0.5, version: '1.2.3' }, signal: stop.signal },
    info: () => info,
    publish: (greeting) => void published.push(greeting),
  });
  const hear = (payload: string, retain = false, topic = 'homeassistant/status') =>
    it.take({ topic, payload: Buffer.from(payload), retain });
  return { it, store, clock, published, hear };
}

describe('discovery by Home Assistant', () => {
  it('is not there unless it is asked for', async (t) => {
    const { it: off, hear } = await homeAssistant(t, undefined);
    assert.deepEqual(off.greetings(), []);
    assert.deepEqual(off.subscriptions, []);
    assert.equal(hear('online'), false);
  });

  it('is said on every connection: one document, entities of every slot, each with an id of its own', async (t) => {
    const { it: on } = await homeAssistant(t, {});
    const [greeting] = on.greetings();
    assert.equal(greeting?.topic, 'homeassistant/device/gate-1/config');
    const document = JSON.parse(greeting?.payload ?? '') as { components: Record<string, Record<string, string>> };
    const entities = Object.values(document.components);
    assert.equal(new Set(entities.map(({ unique_id }) => unique_id)).size, entities.length);
    assert.equal(document.components.door_decision?.state_topic, 'octet/1/d/gate-1/up/t/decisions-door');
    for (const entity of entities) assert.match(entity.state_topic ?? '', /^octet\/1\/d\/gate-1\/up\//);
  });

  it('is said again when Home Assistant is born, a little later, so that a fleet does not answer at once', async (t) => {
    const { hear, published, clock } = await homeAssistant(t, {});
    assert.equal(hear('online'), true);
    await clock.advance(1000);
    assert.equal(published.length, 0);
    await clock.advance(1000);
    assert.equal(published.length, 1);
  });

  it('is not said again for its death, or for a birth that the broker kept', async (t) => {
    const { hear, published, clock } = await homeAssistant(t, {});
    hear('offline');
    hear('online', true);
    await clock.advance(10_000);
    assert.equal(published.length, 0);
  });

  it('is taken back once when it is switched off, or moves when its prefix changes', async (t) => {
    const on = await homeAssistant(t, {});
    on.it.greetings();
    const moved = await homeAssistant(t, { prefix: 'ha' }, on.store);
    assert.deepEqual(
      moved.it.greetings().map(({ topic, payload }) => [topic, payload === '']),
      [
        ['homeassistant/device/gate-1/config', true],
        ['ha/device/gate-1/config', false],
      ],
    );
    const off = await homeAssistant(t, undefined, on.store);
    assert.deepEqual(off.it.greetings(), [{ topic: 'ha/device/gate-1/config', payload: '' }]);
    assert.deepEqual(off.it.greetings(), []);
  });
});
