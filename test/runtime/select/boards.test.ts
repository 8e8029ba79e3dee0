/**
 * The processor decides: recorded boards and recorded measurements in, candidates and choice out. The figures of the two Cortex are
 * instructions counted on emulated processors (64 channels of 3×3 on 28×28, and 64×256 by 256×256), which stand for time here; those of x86
 * are times of ResNet-8 and of an LSTM on a processor with VNNI. Sources: our own counts and runs of the reference quantiser.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { probeHardware } from '../../../runtime/hardware/probe.ts';
import { judgeDecisions } from '../../../runtime/measure/accuracy.ts';
import { plainSettings } from '../../../runtime/measure/session-settings.ts';
import { candidates } from '../../../runtime/select/candidates.ts';
import { choose } from '../../../runtime/select/choose.ts';
import type { Contender } from '../../../runtime/select/contender.ts';
import { settingsHardware } from '../../../runtime/select/device.ts';
import { settingsCandidates } from '../../../runtime/select/settings-candidates.ts';

const models = {
  convolutional: { operators: { Conv: 9, Relu: 7, Gemm: 1 }, weights: { Conv: 76_768, Gemm: 650 } },
  attention: { operators: { MatMul: 8, Softmax: 2 }, weights: { MatMul: 40_000 } },
} as const;

/** float32's instructions (or time) over the variant's. */
const recorded: Record<string, Record<string, number>> = {
  'raspberry-pi-4': {
    'static-s8s8': 10_783_559 / 8_804_391,
    'static-u8s8': 10_783_559 / 9_506_886,
    dynamic: 1_304_388 / 1_050_362,
  },
  'raspberry-pi-5': {
    'static-s8s8': 10_783_475 / 2_960_534,
    'static-u8s8': 10_783_475 / 3_198_254,
    dynamic: 1_304_328 / 395_544,
  },
  'x86-vnni-vm': { 'static-u8s8': 1.58, 'static-s8s8': 0.63, dynamic: 0.84 },
};
/** What crossing between float and int8 adds to a product this small, beside what was counted for the product itself. */
const crossing: Record<keyof typeof models, number> = { convolutional: 1, attention: 0.8 };

const lossless = judgeDecisions(new Array(1000).fill(0), new Array(1000).fill(0), undefined, {
  maxDrop: 0.01,
  maxDisagreement: 0.02,
});

async function selectOn(board: string, model: keyof typeof models) {
  const { int8 } = await probeHardware({ root: join(import.meta.dirname, '../../boards', board) });
  const { included } = candidates(int8, models[model]);
  const contenders = included.map(({ name, recipe }): Contender => {
    const form = Object.keys(recorded[board]!).find((key) => name.startsWith(key));
    const value = recipe === null ? 1 : recorded[board]![form!]! * crossing[model];
    const gain = recipe === null ? { value, low: 1, high: 1 } : { value, low: value * 0.98, high: value * 1.02 };
    return {
      ...{ name, isFloat32: recipe === null, peakMemoryBytes: 1, memoryIncrementBytes: 1, latencyP95Us: 1 },
      ...{ speedup: gain, throughputGain: gain, joulesPerSample: null, failure: null, rounds: 3 },
      accuracy: recipe === null ? null : lossless,
    };
  });
  return { names: included.map(({ name }) => name), ...choose(contenders, { objective: 'latency' }) };
}

describe('what is tried and what is chosen turns with the processor', () => {
  const expected = {
    convolutional: {
      'raspberry-pi-4': [['static-s8s8-min-max', 'static-s8s8-mse', 'static-u8s8-min-max'], 'static-s8s8-min-max'],
      'raspberry-pi-5': [['static-s8s8-min-max', 'static-s8s8-mse'], 'static-s8s8-min-max'],
      'x86-vnni-vm': [['static-u8s8-min-max', 'static-u8s8-mse'], 'static-u8s8-min-max'],
    },
    attention: {
      'raspberry-pi-4': [['static-s8s8-min-max', 'static-s8s8-mse', 'static-u8s8-min-max'], 'float32'],
      'raspberry-pi-5': [['static-s8s8-min-max', 'static-s8s8-mse', 'dynamic'], 'static-s8s8-min-max'],
      'x86-vnni-vm': [['static-u8s8-min-max', 'static-u8s8-mse', 'dynamic'], 'static-u8s8-min-max'],
    },
  } as const;
  for (const [model, boards] of Object.entries(expected))
    for (const [board, [names, winner]] of Object.entries(boards))
      it(`${model} on ${board}: ${winner}`, async () => {
        const { names: tried, chosen } = await selectOn(board, model as keyof typeof models);
        assert.deepEqual(tried, ['float32', ...names]);
        assert.equal(chosen, winner);
      });

  it('gives the same form very different words on a Cortex-A72 and an A76', async () => {
    const [a72, a76] = [
      await selectOn('raspberry-pi-4', 'convolutional'),
      await selectOn('raspberry-pi-5', 'convolutional'),
    ];
    assert.match(a72.verdict, /1\.22 times as fast/);
    assert.match(a76.verdict, /3\.64 times as fast/);
  });
});

describe('session settings', () => {
  async function settingsOn(board: string, load1 = 0, wish = {}) {
    const hardware = await probeHardware({ root: join(import.meta.dirname, '../../boards', board) });
    return settingsCandidates(settingsHardware(hardware, 64, load1), {
      ...{ usual: plainSettings(1), search: true, objective: 'latency', canBatch: true },
      ...wish,
    });
  }
  const threadsIn = ({ included }: Awaited<ReturnType<typeof settingsOn>>) =>
    [...new Set(included.map(({ threads }) => threads))].sort((a, b) => a - b);
  const reasonFor = ({ excluded }: Awaited<ReturnType<typeof settingsOn>>, wanted: string) =>
    excluded.find(({ name }) => name === wanted)?.reason ?? '';

  it('take as many threads as there are big cores, and leave the little ones out', async () => {
    assert.deepEqual(threadsIn(await settingsOn('raspberry-pi-4')), [1, 2, 4]);
    const rock = await settingsOn('rock-5b');
    assert.ok(Math.max(...threadsIn(rock)) <= 4);
    assert.match(reasonFor(rock, 'more threads'), /would make every operator wait/);
  });

  it('spin only where nothing else runs and cores are left', async () => {
    assert.ok((await settingsOn('raspberry-pi-5')).included.some(({ spinning }) => spinning));
    const busy = await settingsOn('raspberry-pi-5', 2.5);
    assert.ok(!busy.included.some(({ spinning }) => spinning));
    assert.match(reasonFor(busy, 'spinning'), /other work runs here \(load 2\.5 on 4 cores\)/);
    assert.match(reasonFor(await settingsOn('x86-vnni-vm'), 'spinning'), /on 2 cores a spinning thread takes/);
  });

  it('batch for throughput alone, and only where the model can', async () => {
    const batched = async (wish: object) =>
      (await settingsOn('raspberry-pi-4', 0, wish)).included.some(({ batch }) => batch > 1);
    assert.equal(await batched({}), false);
    assert.equal(await batched({ objective: 'throughput' }), true);
    assert.equal(await batched({ objective: 'throughput', canBatch: false }), false);
  });

  it('leave the arena out where memory counts', async () => {
    const without = async (wish: object) =>
      (await settingsOn('raspberry-pi-4', 0, wish)).included.some(({ arena }) => !arena);
    assert.equal(await without({}), false);
    assert.equal(await without({ objective: 'memory' }), true);
    assert.equal(await without({ memoryBytes: 1e8 }), true);
    assert.deepEqual(threadsIn(await settingsOn('raspberry-pi-4', 0, { objective: 'memory' })), [1]);
  });

  it('stay the usual ones unless others are asked for', async () => {
    assert.deepEqual((await settingsOn('raspberry-pi-4', 0, { search: false })).included, [plainSettings(1)]);
  });
});
