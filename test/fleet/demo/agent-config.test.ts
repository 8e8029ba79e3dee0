import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { idPattern } from '../../../agent/protocol/topics.ts';
import { agentConfigFor, demoDeviceId } from '../../../fleet/demo/agent-config.ts';
import { chooseRecordings } from '../../../fleet/demo/recordings.ts';
import { bundledModels } from '../../../models/bundled.ts';

describe("the demo's agent configuration", () => {
  it('replays only people whom the model was never trained on', async () => {
    const recordings = await chooseRecordings('watch-exercise');
    const { slots, orders } = agentConfigFor({
      dataFolder: '/tmp/x',
      brokerUrl: 'mqtt://127.0.0.1:1883',
      webUrl: 'http://127.0.0.1:8080/',
      rootFile: '/tmp/1.root.json',
      operatorKeys: '/tmp/demo.pub.json',
      recordings,
      speed: 8,
    });
    assert.ok(
      slots.every(({ target }) => target === undefined) && orders.operatorKeys,
      'what runs is what a signed order says',
    );
    const played = JSON.stringify(slots);
    for (const person of ['p04', 'p05', 'p08', 'p09', 'p10']) assert.ok(!played.includes(`/${person}-`), person);
    assert.ok(['p01', 'p02', 'p03', 'p06', 'p07'].every((person) => played.includes(`/${person}-`)));
  });

  it('asks for as many windows as the recordings give', async () => {
    // TRAINING.md: 800 windows of validation people and 1,057 of test people.
    for (const model of bundledModels) assert.equal((await chooseRecordings(model)).windows, 1857, model);
  });

  for (const host of ['gate.local', 'x'.repeat(90), 'ünï cödé', ''])
    it(`names the device validly on host ${JSON.stringify(host.slice(0, 12))}`, () =>
      assert.match(demoDeviceId(host), idPattern));
});
