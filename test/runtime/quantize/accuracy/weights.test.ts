/** Methods that move weights: the plain quantiser must find their result exactly, and it must be better by its own measure. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { int, ints } from '../../../../runtime/graph/attributes.ts';
import { float32, node } from '../../../../runtime/graph/build.ts';
import { clipWeights } from '../../../../runtime/quantize/accuracy/clip-weights.ts';
import { gramMeter } from '../../../../runtime/quantize/accuracy/gram.ts';
import { type Layer, layersOf, weightsOf } from '../../../../runtime/quantize/accuracy/layers.ts';
import { chooseRounding, reconstructWeights } from '../../../../runtime/quantize/accuracy/reconstruct.ts';
import { gridScales, onGrid } from '../../../../runtime/quantize/accuracy/weight-grid.ts';
import { absoluteMaxima, quantizeWeight, symmetricScales } from '../../../../runtime/quantize/numerics.ts';
import { modelFrom, noise, noiseSamples } from '../small-models.ts';
import { run } from './networks.ts';

const int8 = { perChannel: true, steps: 127 };
const int4 = { perChannel: true, steps: 7 };

function oneConv(attributes = {}, wDims = [6, 4, 3, 3]) {
  const model = modelFrom([node('Conv', ['x', 'w'], ['y'], attributes, 'conv')], [1, 4, 8, 8], {
    w: noise(wDims, 3),
  });
  return { model, layer: layersOf(model.graph)[0]! };
}

function squaredError(values: Float32Array, exact: Float32Array): number {
  return values.reduce((sum, value, i) => sum + (value - exact[i]!) ** 2, 0);
}

test('clipping never makes the weights’ squared error larger, and with 4 bits makes it smaller', () => {
  const { model, layer } = oneConv();
  const weights = weightsOf(model.graph, layer).data.map((w) => w ** 3);
  const graph = modelFrom(model.graph.nodes, [1, 4, 8, 8], { w: float32(layer.dims, weights) }).graph;
  for (const [grid, gain] of [
    [int8, 1],
    [int4, 0.95],
    [{ perChannel: false, steps: 7 }, 0.99],
  ] as const) {
    const clipped = weightsOf(
      clipWeights(graph, grid, () => true),
      layer,
    ).data;
    const [ours, plain] = [clipped, weights].map((each) => squaredError(onGrid(each, layer, grid), weights));
    assert.ok(ours! <= plain! * gain, `${ours} against ${plain} with ${grid.steps} steps`);
  }
});

test('weights whose node is not chosen stay as they are', () => {
  const { model, layer } = oneConv();
  const same = clipWeights(model.graph, int4, () => false);
  assert.deepEqual(weightsOf(same, layer), weightsOf(model.graph, layer));
});

/** All choices of up or down, one after the other: the oracle for three weights. */
function bestByForce(weights: Float64Array, scale: number, matrix: Float64Array): number {
  const choices = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) =>
    weights.map((w, i) => (Math.floor(w / scale) + ((bits >> i) & 1)) * scale - w),
  );
  return Math.min(...choices.map((error) => loss(error, matrix)));
}

function loss(error: ArrayLike<number>, matrix: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < error.length; i++)
    for (let j = 0; j < error.length; j++) sum += error[i]! * matrix[i * error.length + j]! * error[j]!;
  return sum;
}

test('choosing the rounding never loses to rounding to nearest, and is often the best of all choices', () => {
  const unit = fc.double({ min: -1, max: 1, noNaN: true });
  let optimal = 0;
  fc.assert(
    fc.property(
      fc.array(unit, { minLength: 3, maxLength: 3 }),
      fc.array(unit, { minLength: 9, maxLength: 9 }),
      (w, m) => {
        // m·mᵀ is what second moments look like.
        const matrix = Float64Array.from(m, (_, at) => {
          const [i, j] = [Math.floor(at / 3), at % 3];
          return [0, 1, 2].reduce((sum, k) => sum + m[3 * i + k]! * m[3 * j + k]!, 0);
        });
        const weights = Float64Array.from(w, (value) => value * 5);
        const errorOf = (q: Float64Array) => q.map((value, i) => value - weights[i]!);
        const ours = loss(errorOf(chooseRounding(weights, 1, matrix, 127)), matrix);
        assert.ok(ours <= loss(errorOf(weights.map(Math.round)), matrix) + 1e-12);
        if (ours <= bestByForce(weights, 1, matrix) + 1e-9) optimal += 1;
      },
    ),
    { seed: 21, numRuns: 200 },
  );
  assert.ok(optimal > 120, `the best of all in ${optimal} of 200`);
});

for (const [what, attributes, wDims] of [
  ['a padded convolution', { pads: ints([1, 1, 1, 1]) }, [6, 4, 3, 3]],
  ['a strided and dilated one', { strides: ints([2, 1]), dilations: ints([1, 2]) }, [6, 4, 3, 3]],
  ['a grouped one', { group: int(2) }, [6, 2, 3, 2]],
  ['a depthwise one', { group: int(4), pads: ints([0, 1, 2, 1]) }, [8, 1, 3, 3]],
] as const)
  test(`second moments tell the output's energy of ${what}`, async () => {
    const { model, layer } = oneConv(attributes, [...wDims]);
    const small = noise([1, 4, 4, 5], 8);
    const y = await run({ ...model, graph: { ...model.graph, inputs: sized(model.graph.inputs) } }, small);
    const meter = gramMeter(layer)!;
    // Few enough positions that all of them are taken.
    meter.add(small);
    const { groups, size } = meter.gram();
    const positions = y.length / layer.outputs;
    assert.ok(positions <= 24, `${positions} positions`);
    const weights = weightsOf(model.graph, layer).data;
    for (let output = 0; output < layer.outputs; output++) {
      const row = weights.subarray(output * size, (output + 1) * size);
      const energy = loss(row, groups[Math.floor((output * layer.groups) / layer.outputs)]!) * positions;
      const expected = y
        .subarray(output * positions, (output + 1) * positions)
        .reduce((sum, value) => sum + value * value, 0);
      assert.ok(Math.abs(energy - expected) < 1e-4 * expected, `output ${output}: ${energy}, expected ${expected}`);
    }
  });

/** The same inputs, smaller. */
function sized(inputs: ReturnType<typeof oneConv>['model']['graph']['inputs']) {
  return inputs.map((input) => ({ ...input, dims: [1, 4, 4, 5] }));
}

/** What the quantiser writes for a layer's weights. */
function written(values: Float32Array, layer: Layer) {
  const tensor = float32(layer.dims, values);
  return quantizeWeight(tensor, symmetricScales(absoluteMaxima(tensor, layer.axis)), layer.axis);
}

test('reconstructed weights are found again by the plain quantiser, integer by integer', async () => {
  const { model, layer } = oneConv({ pads: ints([1, 1, 1, 1]) });
  const samples = noiseSamples([1, 4, 8, 8], 16);
  const moved = await reconstructWeights(model, int8, samples, () => true);
  const values = weightsOf(moved.graph, layer).data;
  const scales = gridScales(weightsOf(model.graph, layer).data, layer, int8);
  const integers = Array.from(values, (w, i) => Math.round(w / scales[layer.outputOf(i)]!));
  assert.deepEqual([...written(values, layer).values.data], integers);
  assert.notDeepEqual(
    integers,
    [...written(weightsOf(model.graph, layer).data, layer).values.data],
    'something was rounded another way',
  );
});

test('reconstruction lowers the error of the layer’s output on data it has not seen', async () => {
  const { model, layer } = oneConv({ pads: ints([1, 1, 1, 1]) });
  // Neighbouring cells alike, as in images: independent ones leave nothing to cancel.
  const smooth = (seed: number) => {
    const tensor = noise([1, 4, 8, 8], seed);
    for (let i = 1; i < tensor.data.length; i++) tensor.data[i] = 0.8 * tensor.data[i - 1]! + 0.2 * tensor.data[i]!;
    return tensor;
  };
  const samples = { ...noiseSamples([1, 4, 8, 8], 64), feeds: async (i: number) => ({ x: smooth(i + 1) }) };
  const moved = await reconstructWeights(model, int4, samples, () => true);
  const plain = {
    ...model,
    graph: modelFrom(model.graph.nodes, [1, 4, 8, 8], {
      w: float32(layer.dims, onGrid(weightsOf(model.graph, layer).data, layer, int4)),
    }).graph,
  };
  const unseen = smooth(1000);
  const exact = await run(model, unseen);
  const [ours, nearest] = [await run(moved, unseen), await run(plain, unseen)].map((y) => squaredError(y, exact));
  assert.ok(ours! < 0.85 * nearest!, `${ours} against ${nearest}`);
});
