/** The derivative of a gate on a channel, against the loss itself with the channel a little louder and a little softer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Samples } from '../../../../runtime/data/samples.ts';
import { openModel } from '../../../../runtime/engine/open-model.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { readTensor, storeTensor } from '../../../../runtime/graph/initializer.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import { shapesOn } from '../../../../runtime/quantize/prepare/run-shapes.ts';
import { coupleChannels } from '../../../../runtime/train/prune/coupling/couple-channels.ts';
import { taylorImportance } from '../../../../runtime/train/prune/taylor.ts';
import { conv, modelFrom, noise, noiseSamples } from '../../quantize/small-models.ts';

const options = { classifies: true, seed: 3 };

describe('the first-order criterion', () => {
  it('is the mean square of what a small change of the channel does to the loss', async () => {
    const model = network();
    const samples: Samples = { ...noiseSamples([1, 2, 5, 5], 4), labels: [0, 2, 1, 2] };
    const coupling = coupleChannels(model.graph, await shapesOn(model, await samples.feeds(0)));
    const importance = await taylorImportance(model, coupling, samples, options);
    const [first] = coupling.groups;
    for (const [position, channel] of first!.channels.entries()) {
      const [louder, softer] = [withGate(model, position, 1.01), withGate(model, position, 0.99)];
      const [up, down] = [await losses(louder, samples), await losses(softer, samples)];
      const slopes = up.map((loss, at) => (loss - down[at]!) / 0.02);
      const expected = slopes.reduce((sum, slope) => sum + slope ** 2, 0) / slopes.length;
      assert.ok(
        Math.abs(importance[channel]! - expected) < 0.02 * expected + 1e-6,
        `${importance[channel]} ${expected}`,
      );
    }
  });

  it('needs no labels, and gives the same twice', async () => {
    const model = network();
    const samples = noiseSamples([1, 2, 5, 5], 6);
    const coupling = coupleChannels(model.graph, await shapesOn(model, await samples.feeds(0)));
    const once = await taylorImportance(model, coupling, samples, options);
    assert.ok(once.every((value) => value > 0));
    assert.deepEqual(await taylorImportance(model, coupling, samples, options), once);
    const asQuantity = await taylorImportance(model, coupling, samples, { ...options, classifies: false });
    assert.ok(asQuantity.every((value) => value > 0));
  });
});

function network(): Model {
  return modelFrom(
    [
      conv('x', 'a', 'w'),
      node('Sigmoid', ['a'], ['s']),
      node('GlobalAveragePool', ['s'], ['p']),
      node('Flatten', ['p'], ['f']),
      node('Gemm', ['f', 'w2'], ['y'], {}, 'head'),
    ],
    [1, 2, 5, 5],
    { w: noise([4, 2, 3, 3], 1), w2: noise([4, 3], 2) },
  );
}

function withGate(model: Model, channel: number, gate: number): Model {
  const weight = readTensor(model.graph.initializers.get('w')!);
  const data = (weight.data as Float32Array).map((value, at) =>
    Math.floor(at / 18) === channel ? gate * value : value,
  );
  const stored = storeTensor('w', { type: 'float32', dims: weight.dims, data });
  return { ...model, graph: { ...model.graph, initializers: new Map([...model.graph.initializers, ['w', stored]]) } };
}

async function losses(model: Model, samples: Samples): Promise<number[]> {
  const session = await openModel(model);
  const values: number[] = [];
  for (let index = 0; index < samples.count; index++) {
    const scores = Array.from((await session.run(await samples.feeds(index))).y!.data as Float32Array);
    const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
    values.push(Math.log(total) - scores[samples.labels![index]!]!);
  }
  await session.close();
  return values;
}
