import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Samples } from '../../../runtime/data/samples.ts';
import { openModel } from '../../../runtime/engine/open-model.ts';
import { openSession } from '../../../runtime/engine/session.ts';
import { parseModel } from '../../../runtime/graph/load.ts';
import type { Model } from '../../../runtime/graph/model.ts';
import { type QatRecipe, qatSchema } from '../../../runtime/quantize/recipe.ts';
import { trainQuantised, trainSimulation } from '../../../runtime/train/qat/train-quantised.ts';
import { needsExactProducts } from '../graph/kernels/oracle.ts';
import { accuracy, distance, images, taughtNetwork, withoutLabels } from './small-training.ts';

/** Pairs computed as they are written, in float. */
const unfused = { config: { 'session.disable_quant_qdq': '1' } };
const classify = { task: 'classify' } as const;
const regress = { task: 'regress' } as const;
const recipe = (settings: Partial<QatRecipe> = {}): QatRecipe =>
  qatSchema.parse({ kind: 'qat', steps: 60, reconstructionSteps: 30, batchSize: 32, learningRate: 3e-3, ...settings });

/** How far the written graph is from the simulation, as a share of the outputs' own power: next to ties a last bit decides. */
async function deviation(
  simulated: Model,
  bytes: Uint8Array,
  samples: Samples,
  config: Readonly<Record<string, string>> = unfused.config,
): Promise<number> {
  const sessions = [await openModel(simulated, unfused), await openSession(bytes, { config })] as const;
  let [error, power] = [0, 0];
  for (let index = 0; index < samples.count; index++) {
    const feeds = await samples.feeds(index);
    const [expected, got] = await Promise.all(
      sessions.map(async (each) => (await each.run(feeds)).y!.data as Float32Array),
    );
    for (const [i, value] of expected!.entries()) {
      error += (value - got![i]!) ** 2;
      power += value ** 2;
    }
  }
  for (const session of sessions) await session.close();
  return error / power;
}

describe('quantisation-aware training', () => {
  const unseen = images(256, 5000);
  const samples = withoutLabels(images(128));
  let teacher: Model;
  before(async () => {
    teacher = await taughtNetwork();
  });

  const modes: readonly QatRecipe['scales'][] = ['learned', 'moving-average', 'fixed'];
  for (const scales of modes)
    test(`with 4 bits it gets back what rounding lost (${scales} scales)`, async () => {
      const narrow = { weightBits: 4, activationBits: 4, perChannel: false, scales } as const;
      const none = await trainSimulation(
        teacher,
        samples,
        recipe({ ...narrow, steps: 0, reconstructionSteps: 0 }),
        classify,
      );
      const some = await trainSimulation(teacher, samples, recipe({ ...narrow, steps: 100 }), regress);
      assert.ok('simulated' in none && 'simulated' in some);
      const [rounded, trained] = [
        await distance(none.simulated, teacher, unseen),
        await distance(some.simulated, teacher, unseen),
      ];
      assert.ok(trained < 0.4 * rounded, `mean squared difference of outputs ${rounded} → ${trained}`);
      assert.ok((await accuracy(some.simulated, unseen)) > (await accuracy(teacher, unseen)) - 0.03);
    });

  for (const [words, settings] of [
    ['per channel', {}],
    ['per tensor', { perChannel: false }],
    ['4-bit weights', { weightBits: 4 }],
    ['int8 activations', { activation: 'int8' }],
    ['one layer left in float', { exclude: ['c2'] }],
  ] as readonly [string, Partial<QatRecipe>][])
    test(`the written graph computes what was simulated (${words})`, async () => {
      const { quantized, simulated } = await trainQuantised(
        teacher,
        samples,
        recipe({ steps: 20, ...settings }),
        classify,
      );
      assert.ok(quantized.ok && simulated);
      const share = await deviation(simulated, quantized.bytes, images(64, 9000));
      assert.ok(share < 1e-3, `${share} of the outputs' power`);
    });

  test('integer kernels compute what was simulated', { skip: needsExactProducts }, async () => {
    const { quantized, simulated } = await trainQuantised(teacher, samples, recipe({ steps: 20 }), classify);
    assert.ok(quantized.ok && simulated);
    const share = await deviation(simulated, quantized.bytes, images(64, 9000), {});
    assert.ok(share < 1e-3, `${share} of the outputs' power`);
  });

  test('it writes the graph that the static recipe writes: same nodes, other numbers', async () => {
    const { quantized } = await trainQuantised(
      teacher,
      samples,
      recipe({ steps: 1, reconstructionSteps: 0 }),
      classify,
    );
    assert.ok(quantized.ok);
    const kinds = parseModel(quantized.bytes, { origin: 'qat' }).graph.nodes.map(({ opType }) => opType);
    assert.equal(kinds.filter((kind) => kind === 'Relu').length, 0);
    assert.equal(quantized.outcomes.filter(({ kernel }) => kernel?.startsWith('QLinear')).length, 3 + 3 + 1);
  });

  test('a node of its own may have its own bits', async () => {
    const own = recipe({ steps: 2, weightBits: 8, overrides: [{ nodes: 'c3', weightBits: 4 }] });
    const { quantized } = await trainQuantised(teacher, samples, own, classify);
    assert.ok(quantized.ok);
    const { initializers } = parseModel(quantized.bytes, { origin: 'qat' }).graph;
    const largest = (name: string) => {
      const { rawData } = initializers.get(name)!.source;
      return new Int8Array(rawData.buffer, rawData.byteOffset, rawData.length).reduce(
        (a, b) => Math.max(a, Math.abs(b)),
        0,
      );
    };
    assert.equal(largest('w3_quantized'), 7);
    assert.ok(largest('w1_quantized') > 64);
  });

  test('the same recipe on the same data gives the same bytes', async () => {
    const bytesOf = async () => {
      const { quantized } = await trainQuantised(
        teacher,
        samples,
        recipe({ steps: 8, reconstructionSteps: 4 }),
        classify,
      );
      return quantized.ok ? quantized.bytes : undefined;
    };
    assert.deepEqual(await bytesOf(), await bytesOf());
  });

  test('activations of fewer bits are refused where a model is to be written', async () => {
    await assert.rejects(trainQuantised(teacher, samples, recipe({ activationBits: 6 }), classify), {
      code: 'RECIPE_INVALID',
      message: /activationBits/,
    });
  });
});
