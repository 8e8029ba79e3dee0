import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { float } from '../../../runtime/graph/attributes.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { constantTensor } from '../../../runtime/graph/initializer.ts';
import { assertSound } from '../../../runtime/graph/verify.ts';
import { architectureSchema, buildArchitecture } from '../../../runtime/train/scratch/architecture.ts';
import { useBatchStatistics } from '../../../runtime/train/scratch/batch-statistics.ts';
import { countRight } from '../../../runtime/train/scratch/count-right.ts';
import { initialise } from '../../../runtime/train/scratch/initialise.ts';
import { trainModel } from '../../../runtime/train/scratch/train-model.ts';
import { assertGradient, noise } from './central-differences.ts';
import { images } from './small-training.ts';

const declared = architectureSchema.parse({
  input: [1, 8, 8],
  layers: [
    { kind: 'conv', filters: 8 },
    { kind: 'depthwise', stride: 2 },
    { kind: 'residual', filters: 8 },
    { kind: 'residual', filters: 12, stride: 2 },
    { kind: 'average' },
    { kind: 'dense', units: 4 },
  ],
});

describe('training from scratch', () => {
  test('a declared network learns, and does as well with the running averages as it did with the batch’s', async () => {
    const form = buildArchitecture(declared);
    const options = { epochs: 24, batchSize: 32, learningRate: 5e-2, optimizer: { kind: 'sgd' } } as const;
    const { model, lastLoss } = await trainModel(form, images(256), options);
    assertSound(model);
    const { right, of } = await countRight(model, images(256, 5000));
    assert.ok(lastLoss < 0.2, `loss ${lastLoss}`);
    assert.ok(right / of > 0.9, `${right} of ${of}`);
  });

  test('every kind of layer, in one dimension, too, gives a sound model that runs', async () => {
    for (const input of [
      [2, 16],
      [2, 9, 7],
    ]) {
      const layers = [
        { kind: 'conv', filters: 6, kernel: 5, stride: 2 },
        { kind: 'max-pool' },
        { kind: 'residual', filters: 6 },
        { kind: 'depthwise' },
        { kind: 'flatten' },
        { kind: 'dense', units: 5, relu: true },
        { kind: 'dense', units: 3 },
      ];
      const form = initialise(buildArchitecture(architectureSchema.parse({ input, layers })), 1);
      assertSound(form);
      const samples = {
        count: 4,
        labels: [0, 1, 2, 0],
        description: 'noise',
        feeds: async (i: number) => ({ x: noise([1, ...input], i + 1) }),
      };
      const { model } = await trainModel(form, samples, { epochs: 2, batchSize: 2, learningRate: 1e-2 });
      assert.equal((await countRight(model, samples)).of, 4);
    }
  });

  test('the gradient goes through the batch’s own mean and variance', async () => {
    const graph = graphOf({
      nodes: [node('BatchNormalization', ['x', 'g', 'b', 'm', 'v'], ['y'], { epsilon: float(1e-3) })],
      inputs: [valueInfo('x', 'float32')],
      outputs: [valueInfo('y', 'float32')],
      initializers: { m: float32([2], [0, 0]), v: float32([2], [1, 1]) },
    });
    const { graph: batched } = useBatchStatistics(graph, () => [3, 2, 2]);
    const used = new Set(batched.nodes.flatMap(({ inputs }) => inputs));
    await assertGradient({
      nodes: batched.nodes.filter(({ outputs }) => outputs.some((name) => used.has(name) || name === 'y')),
      inputs: { x: noise([3, 2, 2], 4), g: noise([2], 5), b: noise([2], 6) },
      constants: Object.fromEntries(
        [...batched.initializers.keys()].map((name) => [name, constantTensor(batched, name)!]),
      ),
      outputs: ['y'],
      seed: 9,
      tolerance: 1e-2,
    });
  });

  test('running averages move towards the batch’s statistics by one minus the momentum', async () => {
    const layers = [
      { kind: 'conv', filters: 2, kernel: 1, relu: false },
      { kind: 'average' },
      { kind: 'dense', units: 2 },
    ];
    const form = buildArchitecture(architectureSchema.parse({ input: [1, 4], layers }));
    const x = float32([1, 1, 4], [1, 2, 3, 6]);
    const samples = { count: 1, labels: [0], description: 'one', feeds: async () => ({ x }) };
    const { model } = await trainModel(form, samples, {
      epochs: 1,
      learningRate: 0,
      optimizer: { kind: 'sgd' },
      seed: 7,
    });
    const value = (name: string) => [...(constantTensor(model.graph, `layers.0${name}`)!.data as Float32Array)];
    const weights = value('.weight');
    for (const [channel, w] of weights.entries()) {
      // Of 1, 2, 3, 6: mean 3, variance 3.5.
      assert.ok(Math.abs(value('.norm.mean')[channel]! - 0.1 * 3 * w) < 1e-5);
      assert.ok(Math.abs(value('.norm.variance')[channel]! - (0.9 + 0.1 * 3.5 * w * w)) < 1e-5);
    }
  });

  test('a seed draws the same weights, of the size that the layer asks for', () => {
    const drawn = (seed: number) =>
      constantTensor(initialise(buildArchitecture(declared), seed).graph, 'layers.3.second.weight')!
        .data as Float32Array;
    assert.deepEqual(drawn(3), drawn(3));
    assert.notDeepEqual(drawn(3), drawn(4));
    const deviation = Math.sqrt(drawn(3).reduce((sum, w) => sum + w * w, 0) / drawn(3).length);
    assert.ok(Math.abs(deviation / Math.sqrt(2 / (12 * 9)) - 1) < 0.1, `${deviation}`);
  });

  test('a weight that two nodes share is drawn once and moved by both', async () => {
    const model = modelOf(
      graphOf({
        nodes: [node('MatMul', ['x', 'w'], ['h']), node('Relu', ['h'], ['r']), node('MatMul', ['r', 'w'], ['y'])],
        inputs: [valueInfo('x', 'float32', ['n', 4])],
        outputs: [valueInfo('y', 'float32', ['n', 4])],
        initializers: { w: noise([4, 4], 1) },
      }),
    );
    const samples = {
      count: 32,
      labels: Array.from({ length: 32 }, (_, i) => i % 4),
      description: 'axes',
      feeds: async (i: number) => ({
        x: float32(
          [1, 4],
          [0, 1, 2, 3].map((axis) => (axis === i % 4 ? 1 : 0)),
        ),
      }),
    };
    const options = { epochs: 100, batchSize: 16, learningRate: 3e-2, seed: 2 } as const;
    const { firstLoss, lastLoss } = await trainModel(model, samples, options);
    assert.ok(lastLoss < firstLoss / 2, `loss ${firstLoss} → ${lastLoss}`);
  });
});
