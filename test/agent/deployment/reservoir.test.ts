import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { configSchema } from '../../../agent/config.ts';
import { reserveSpec, reservoirRecording } from '../../../agent/deployment/reservoir.ts';
import { openRecording } from '../../../runtime/data/recording.ts';
import { openReservoir } from '../../../runtime/infer/recording/reservoir.ts';
import { pipeline } from '../../runtime/infer/small-runner.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A slot that wants 16 windows, and a device that has kept `windows` of them. */
async function scene(t: TestContext, windows: number, calibration: object = {}) {
  const dataFolder = await temporaryFolder(t);
  const { slots } = configSchema.parse({
    ...{ device: 'd', dataFolder, broker: { url: 'mqtt://b' }, repository: { url: 'http://r', rootFile: 'r' } },
    slots: [{ slot: 'main', target: 'm', source: { kind: 'system' }, calibration: { windows: 16, ...calibration } }],
  });
  const [config, slot] = [{ dataFolder }, slots[0]!];
  const spec = reserveSpec(config, slot, pipeline);
  if (spec) {
    const context = { pipeline, clock: new FakeClock(), random: () => 0, report: () => {} };
    const reservoir = await openReservoir(spec, context);
    for (let index = 0; index < windows; index++) {
      reservoir.offer(new Float32Array(8).fill(index), 'walk');
      await reservoir.written();
    }
    await reservoir.close();
  }
  return { config, slot };
}

it('a device that has kept enough windows calibrates a new model with them', async (t) => {
  const { config, slot } = await scene(t, 20);
  const folder = await reservoirRecording(config, slot, pipeline);
  assert.equal((await openRecording(folder!)).sampleCount, 20 * 4);
});

it('too few windows, or windows of another kind, are not calibrated with', async (t) => {
  const few = await scene(t, 15);
  assert.equal(await reservoirRecording(few.config, few.slot, pipeline), undefined);
  const enough = await scene(t, 20);
  assert.equal(await reservoirRecording(enough.config, enough.slot, { ...pipeline, rateHz: 50 }), undefined);
});

it('none are kept where the configuration wants none, or calibration has a source of its own', async (t) => {
  for (const calibration of [{ reserveBytes: 0 }, { source: { kind: 'system' } }]) {
    const { config, slot } = await scene(t, 20, calibration);
    assert.equal(await reservoirRecording(config, slot, pipeline), undefined);
  }
});
