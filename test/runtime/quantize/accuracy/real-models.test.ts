/** What the accuracy methods bring on real models and data, with margins wide enough for another machine's rounding. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSamples } from '../../../../runtime/data/open-samples.ts';
import type { Samples } from '../../../../runtime/data/samples.ts';
import { openSession } from '../../../../runtime/engine/session.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import { encodeModel } from '../../../../runtime/graph/save.ts';
import { compareOutputs } from '../../../../runtime/quantize/accuracy/measure-sensitivity.ts';
import { modelInputs, prepareModel } from '../../../../runtime/quantize/prepare/prepare.ts';
import { buildVariant, observeFor } from '../../../../runtime/quantize/quantize.ts';
import type { StaticRecipe } from '../../../../runtime/quantize/recipe.ts';
import { staticHere } from '../built.ts';
import { dataFolder, needsSharedData } from '../reference.ts';
import { emulateFewBits } from './few-bits.ts';

async function open(name: string, tests: number) {
  const model = await prepareModel(join(dataFolder, `${name}.onnx`));
  const samples = async (file: string, count: number): Promise<Samples> => ({
    ...(await openSamples(join(dataFolder, name.split('/')[0]!, file), { inputs: modelInputs(model) })),
    count,
  });
  return { model, calibration: await samples('calibration.npz', 256), unseen: await samples('test.npz', tests) };
}

async function errorOf(model: Model, bytes: Uint8Array, unseen: Samples) {
  const [exact, quantized] = [await openSession(encodeModel(model)), await openSession(bytes)];
  try {
    return await compareOutputs(exact, quantized, unseen);
  } finally {
    await exact.close();
    await quantized.close();
  }
}

async function int8Error(name: string, settings: Partial<StaticRecipe>) {
  const { model, calibration, unseen } = await open(name, 300);
  const recipe = staticHere(settings);
  const observation = await observeFor(model, [recipe], calibration);
  const built = await buildVariant(model, recipe, calibration, observation);
  assert.ok(built.ok);
  return errorOf(model, built.bytes, unseen);
}

const free = { observer: 'mse', equalize: true, biasCorrection: true } as const;

for (const [name, gainDb] of [
  ['fashion/dscnn', 3],
  ['fashion/resnet8', 3],
  ['digits/dscnn', 3],
] as const)
  test(
    `${name}: even channels, MSE ranges and right means take ${gainDb} dB of noise from int8`,
    needsSharedData,
    async () => {
      const plain = await int8Error(name, {});
      const better = await int8Error(name, free);
      assert.ok(better.sqnrDb > plain.sqnrDb + gainDb, `${better.sqnrDb} dB against ${plain.sqnrDb} dB`);
      assert.ok(better.divergence < 0.7 * plain.divergence, `${better.divergence} against ${plain.divergence}`);
    },
  );

test('fashion/dscnn: with one scale for each weight, equalising takes 5 dB', needsSharedData, async () => {
  const plain = await int8Error('fashion/dscnn', { perChannel: false });
  const even = await int8Error('fashion/dscnn', { perChannel: false, equalize: true });
  assert.ok(even.sqnrDb > plain.sqnrDb + 5, `${even.sqnrDb} dB against ${plain.sqnrDb} dB`);
});

async function int4Agreement(name: string, settings: Partial<StaticRecipe>) {
  const { model, calibration, unseen } = await open(name, 300);
  const recipe = staticHere(settings);
  const emulated = await emulateFewBits(model, recipe, calibration, 4);
  return 1 - (await errorOf(model, encodeModel(emulated), unseen)).changed;
}

const rebuilt = { rounding: 'reconstruct', biasCorrection: true } as const;

test(
  'digits/dscnn with 4-bit weights: reconstruction and right means restore nearly all decisions',
  needsSharedData,
  async () => {
    const [plain, better] = [await int4Agreement('digits/dscnn', {}), await int4Agreement('digits/dscnn', rebuilt)];
    assert.ok(plain < 0.9 && better > 0.95, `${better} against ${plain}`);
  },
);

test(
  'fashion/dscnn with 4-bit weights and one scale each: equalising restores what collapses',
  needsSharedData,
  async () => {
    const collapsed = await int4Agreement('fashion/dscnn', { perChannel: false });
    const even = await int4Agreement('fashion/dscnn', { perChannel: false, equalize: true, ...rebuilt });
    assert.ok(collapsed < 0.4 && even > 0.85, `${even} against ${collapsed}`);
  },
);
