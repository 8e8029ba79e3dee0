/** Types of activations and weights, and the form for TensorRT. Oracle: the float model, and the reference's formulas. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { node } from '../../../../runtime/graph/build.ts';
import { constantTensor } from '../../../../runtime/graph/initializer.ts';
import { parseModel } from '../../../../runtime/graph/load.ts';
import type { Graph } from '../../../../runtime/graph/model.ts';
import { fastTypesHere } from '../../../../runtime/quantize/fast-types.ts';
import { paramsOf } from '../../../../runtime/quantize/place/scheme.ts';
import { build, kernelsOf, reasonsOf, relativeError } from '../built.ts';
import { conv, modelFrom, noise, noiseSamples } from '../small-models.ts';

const image = [1, 4, 8, 8];
const initializers = { w: noise([4, 4, 3, 3]), b: noise([4], 3) };
const model = modelFrom(
  [
    node('Conv', ['x', 'w', 'b'], ['a'], {}, 'conv'),
    node('Relu', ['a'], ['r'], {}, 'relu'),
    node('Conv', ['r', 'w'], ['y'], {}, 'last'),
  ],
  image,
  initializers,
);
const feeds = [1, 2].map((seed) => ({ x: noise(image, seed) }));

function zeroPoints(graph: Graph, opType: string): (number | bigint)[] {
  return graph.nodes
    .filter((each) => each.opType === opType)
    .map(({ inputs }) => constantTensor(graph, inputs[2]!)!.data[0]!);
}

for (const [activation, weight] of [
  ['uint8', 'uint8'],
  ['int8', 'int8'],
  ['uint8', 'int8'],
])
  for (const perChannel of [true, false])
    test(`activations ${activation}, weights ${weight}, ${perChannel ? 'per channel' : 'per tensor'}: fuse and come within 5 %`, async () => {
      const built = await build(model, { kind: 'static', activation, weight, perChannel }, noiseSamples(image));
      assert.deepEqual(kernelsOf(built), { conv: 'QLinearConv', relu: 'QLinearConv', last: 'QLinearConv' });
      const error = await relativeError(model, built, feeds);
      assert.ok(error < 0.05, `relative error ${error}`);
    });

for (const activation of ['int16', 'uint16'])
  test(`${activation} activations: two hundred times closer than a step of 8 bits, computed in float and said so`, async () => {
    // Weights stay 8 bits, so the model is compared with itself under activations that are hardly rounded.
    const built = await build(model, { kind: 'static', activation }, noiseSamples(image));
    assert.match(reasonsOf(built).conv ?? '', new RegExp(`rounded to ${activation}`));
    const { graph } = parseModel(built.bytes);
    assert.equal(
      graph.nodes.filter(({ opType, domain }) => opType === 'QuantizeLinear' && domain === 'com.microsoft').length,
      3,
    );
    const fine = await relativeError(model, built, feeds);
    const coarse = await relativeError(model, await build(model, { kind: 'static' }, noiseSamples(image)), feeds);
    assert.ok(fine < coarse, `${fine} against ${coarse}`);
  });

describe('the form for TensorRT', () => {
  test('has zero points of zero everywhere, keeps the Relu before its pair, float weights behind pairs and float biases', async () => {
    const built = await build(model, { kind: 'static', target: 'tensorrt' }, noiseSamples(image));
    const { graph } = parseModel(built.bytes);
    assert.deepEqual([...new Set(zeroPoints(graph, 'QuantizeLinear'))], [0]);
    const conv = graph.nodes.find(({ opType }) => opType === 'Conv')!;
    assert.equal(conv.inputs[2], 'b');
    const relu = graph.nodes.find(({ opType }) => opType === 'Relu')!;
    assert.deepEqual(relu.inputs, conv.outputs);
    assert.equal(graph.initializers.get('w')?.type, 'float32');
    assert.match(reasonsOf(built).conv ?? '', /TensorRT/);
  });

  test('computes the same within 5 %', async () => {
    // A GPU would not saturate; the processor that stands in for it here may.
    const { reduceRange } = fastTypesHere();
    const built = await build(model, { kind: 'static', target: 'tensorrt', reduceRange }, noiseSamples(image));
    assert.ok((await relativeError(model, built, feeds)) < 0.05);
  });
});

test('symmetric activations on a processor leave the Relu a node of its own', async () => {
  const built = await build(model, { kind: 'static', activation: 'int8', symmetric: true }, noiseSamples(image));
  assert.equal(kernelsOf(built).conv, 'QLinearConv');
  assert.equal(kernelsOf(built).relu, 'float');
  assert.ok((await relativeError(model, built, feeds)) < 0.05);
});

test('symmetric parameters are those of the reference: ±127 for int8, zero at 128 for uint8', () => {
  const range = { min: -1, max: 3 };
  assert.deepEqual(paramsOf(range, { type: 'int8', isSymmetric: true, range: undefined }), {
    type: 'int8',
    scale: Math.fround(6 / 254),
    zeroPoint: 0,
  });
  assert.deepEqual(paramsOf(range, { type: 'uint8', isSymmetric: true, range: undefined }), {
    type: 'uint8',
    scale: Math.fround(6 / 255),
    zeroPoint: 128,
  });
});

describe('overrides', () => {
  const noisy = noiseSamples(image);

  test('a node gets its own settings, the others keep the recipe’s', async () => {
    const overrides = [{ nodes: 'la*', exclude: true }];
    const built = await build(model, { kind: 'static', overrides }, noisy);
    assert.deepEqual(kernelsOf(built), { conv: 'QLinearConv', relu: 'QLinearConv', last: 'float' });
    assert.equal(reasonsOf(built).last, 'the recipe excludes it');
  });

  test('a later override wins, and can take an exclusion back', async () => {
    const overrides = [
      { nodes: '*', exclude: true },
      { nodes: 'conv', exclude: false },
    ];
    assert.equal(kernelsOf(await build(model, { kind: 'static', overrides }, noisy)).conv, 'QLinearConv');
  });

  test('a stated range replaces the observed one', async () => {
    const overrides = [{ nodes: 'last', range: { min: -51, max: 0 } }];
    const { graph } = parseModel((await build(model, { kind: 'static', overrides }, noisy)).bytes);
    assert.equal(constantTensor(graph, 'y_scale')?.data[0], Math.fround(51 / 255));
    assert.equal(constantTensor(graph, 'y_zero_point')?.data[0], 255);
  });

  test('one node’s weights have one scale, the others one for each channel', async () => {
    const two = modelFrom([conv('x', 'a'), conv('a', 'y', 'v')], image, {
      w: noise([4, 4, 3, 3]),
      v: noise([4, 4, 3, 3], 2),
    });
    const overrides = [{ nodes: 'y', perChannel: false }];
    const { graph } = parseModel((await build(two, { kind: 'static', overrides }, noisy)).bytes);
    assert.deepEqual(graph.initializers.get('w_scale')?.dims, [4]);
    assert.deepEqual(graph.initializers.get('v_scale')?.dims, []);
  });
});
