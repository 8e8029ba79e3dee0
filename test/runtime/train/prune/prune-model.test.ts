/** A model pruned and tuned as a recipe says. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { OctetError } from '../../../../runtime/base/errors.ts';
import type { Samples } from '../../../../runtime/data/samples.ts';
import { openSession } from '../../../../runtime/engine/session.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { readTensor } from '../../../../runtime/graph/initializer.ts';
import { parseModel } from '../../../../runtime/graph/load.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import { encodeModel, saveModel } from '../../../../runtime/graph/save.ts';
import { prune } from '../../../../runtime/train/prune/prune.ts';
import { pruneModel } from '../../../../runtime/train/prune/prune-model.ts';
import { type PruneRecipe, pruneSchema } from '../../../../runtime/train/prune/prune-recipe.ts';
import { roundsOf } from '../../../../runtime/train/prune/tune.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { conv, modelFrom, noise, noiseSamples } from '../../quantize/small-models.ts';

const samples: Samples = noiseSamples([1, 2, 6, 6], 24);
const options = { classifies: true };

describe('pruning a model', () => {
  it('leaves a smaller dense model that runs, and follows the whole one better after tuning than before', async () => {
    const untuned = await pruneModel(network(), samples, recipe({ steps: 0 }), options);
    const tuned = await pruneModel(network(), samples, recipe({ steps: 60, learningRate: 0.01 }), options);
    assert.ok(tuned.after.multiplyAdds <= tuned.before.multiplyAdds / 2);
    assert.ok(tuned.after.sizeBytes < tuned.before.sizeBytes);
    assert.deepEqual(
      tuned.layers.map(({ node: name, before, after }) => [name, after.channels < before.channels]),
      [
        ['a', true],
        ['b', true],
        ['head', false],
      ],
    );
    assert.deepEqual(tuned.whole, [
      { node: 'head', opType: 'Gemm', pinned: 3, channels: 3, reason: 'it is an output of the model' },
    ]);
    const [before, after] = [await distance(untuned.bytes), await distance(tuned.bytes)];
    assert.ok(after < before / 2, `${before} → ${after}`);
  });

  for (const [criterion, threads] of [
    ['l1', 1],
    ['taylor', 2],
    ['random', 1],
  ] as const)
    it(`gives the same bytes twice, criterion ${criterion}`, async () => {
      const said = recipe({ steps: 6, rounds: 2, criterion, threads });
      const [one, two] = [
        await pruneModel(network(), samples, said, options),
        await pruneModel(network(), samples, said, options),
      ];
      assert.deepEqual(one.bytes, two.bytes);
    });

  it('keeps pruned weights at zero while the others are tuned', async () => {
    const said = recipe({ form: 'unstructured', ratio: 0.6, steps: 120, rounds: 2, learningRate: 0.01 });
    const { bytes, before, after, loss } = await pruneModel(network(), samples, said, options);
    assert.equal(before.zeros, 0);
    assert.ok(Math.abs(after.zeros - 0.6) < 0.01, `${after.zeros}`);
    assert.ok(loss && loss.last < loss.first);
    assert.equal(after.multiplyAdds, before.multiplyAdds);
    assert.ok(after.compressedBytes < 0.75 * before.compressedBytes);
    const tuned = readTensor(parseModel(bytes).graph.initializers.get('w2')!).data as Float32Array;
    const whole = readTensor(network().graph.initializers.get('w2')!).data as Float32Array;
    assert.ok(tuned.some((value, at) => value !== 0 && value !== whole[at]));
  });

  it('uses labels where there are any', async () => {
    const labels = Array.from({ length: samples.count }, (_, index) => index % 3);
    const said = recipe({ steps: 4, labelShare: 1 });
    const [with_, without] = [
      await pruneModel(network(), { ...samples, labels }, said, options),
      await pruneModel(network(), samples, said, options),
    ];
    assert.notDeepEqual(with_.bytes, without.bytes);
  });

  it('refuses labels that are no classes of the model', async () => {
    const labels = Array.from({ length: samples.count }, () => 7);
    await assert.rejects(
      pruneModel(network(), { ...samples, labels }, recipe({ steps: 4 }), options),
      (error) => error instanceof OctetError && error.code === 'DATA_MISMATCH' && /0 to 2.*got 7/.test(error.message),
    );
  });

  it('follows the values of a model that gives quantities', async () => {
    const { loss } = await pruneModel(network(), samples, recipe({ steps: 30, criterion: 'taylor' }), {
      classifies: false,
    });
    assert.ok(loss && loss.last < loss.first);
  });

  it('refuses a layer that is not there', async () => {
    await assert.rejects(
      pruneModel(network(), samples, recipe({ exclude: ['nothing*'] }), options),
      (error) =>
        error instanceof OctetError &&
        error.code === 'RECIPE_INVALID' &&
        /the layers are a, b, head/.test(error.hint ?? ''),
    );
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const onProgress = () => controller.abort(new OctetError('CANCELLED', 'enough'));
    await assert.rejects(
      pruneModel(network(), samples, recipe({ steps: 1000 }), { ...options, onProgress, signal: controller.signal }),
      /enough/,
    );
  });
});

describe('prune, the function', () => {
  it('fills in a recipe and writes the model with it', async (context) => {
    const folder = await temporaryFolder(context);
    const [model, output] = [join(folder, 'model.onnx'), join(folder, 'pruned.onnx')];
    await saveModel(network(), model);
    const said = { kind: 'prune', ratio: 0.4, multiple: 1, steps: 2, batchSize: 8 } as const;
    const { bytes, recipe: filled } = await prune(model, { recipe: said, data: samples, output });
    assert.deepEqual([filled.scope, filled.criterion], ['layer', 'taylor']);
    assert.deepEqual(new Uint8Array(await readFile(output)), new Uint8Array(bytes));
    const record = JSON.parse(await readFile(join(folder, 'pruned.recipe.json'), 'utf8'));
    assert.deepEqual(record.recipe, filled);
  });

  it('refuses a recipe that makes no sense, by the setting', async () => {
    const recipe = { kind: 'prune', form: 'unstructured', ratio: 1.5, criterion: 'taylor' } as const;
    await assert.rejects(prune('model.onnx', { recipe, data: samples }), /ratio/);
  });
});

describe('rounds of pruning', () => {
  it('share the steps, half of them for the last', () => {
    const steps = roundsOf({ rounds: 3, steps: 101 }).map((round) => round.steps);
    assert.deepEqual(steps, [25, 25, 51]);
    assert.deepEqual(
      roundsOf({ rounds: 1, steps: 5 }).map((round) => round.steps),
      [5],
    );
  });
});

function recipe(settings: Partial<PruneRecipe>): PruneRecipe {
  return pruneSchema.parse({ kind: 'prune', ratio: 0.5, multiple: 1, batchSize: 8, ...settings });
}

/** A residual of two convolutions, and a head for three classes. */
function network(): Model {
  return modelFrom(
    [
      conv('x', 'a', 'w'),
      node('Relu', ['a'], ['r']),
      conv('r', 'b', 'w2'),
      node('Add', ['b', 'r'], ['s']),
      node('GlobalAveragePool', ['s'], ['p']),
      node('Flatten', ['p'], ['f']),
      node('Gemm', ['f', 'w3'], ['y'], {}, 'head'),
    ],
    ['batch', 2, 6, 6],
    { w: noise([16, 2, 3, 3], 1), w2: noise([16, 16, 3, 3], 2), w3: noise([16, 3], 3) },
  );
}

/** Mean squared difference of its outputs from the whole model's. */
async function distance(bytes: Uint8Array): Promise<number> {
  const [whole, pruned] = [await openSession(encodeModel(network())), await openSession(bytes)];
  let sum = 0;
  for (let index = 0; index < samples.count; index++) {
    const feeds = await samples.feeds(index);
    const [a, b] = [(await whole.run(feeds)).y!.data, (await pruned.run(feeds)).y!.data] as Float32Array[];
    sum += a!.reduce((total, value, at) => total + (value - b![at]!) ** 2, 0) / samples.count;
  }
  await whole.close();
  await pruned.close();
  return sum;
}
