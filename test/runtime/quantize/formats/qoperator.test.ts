/** Oracle: the QDQ form of the same placement, fused by ONNX Runtime; the two may differ by one step on ties. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { float, int, ints, string } from '../../../../runtime/graph/attributes.ts';
import { float32, int64, node } from '../../../../runtime/graph/build.ts';
import { constantTensor } from '../../../../runtime/graph/initializer.ts';
import { parseModel } from '../../../../runtime/graph/load.ts';
import type { Node } from '../../../../runtime/graph/model.ts';
import type { Tensor } from '../../../../runtime/graph/tensor.ts';
import { type Built, build, kernelsOf, outputsOf } from '../built.ts';
import { conv, modelFrom, noise, noiseSamples } from '../small-models.ts';

const image = [1, 4, 8, 8];
const weights = { w: noise([4, 4, 3, 3]), w2: noise([4, 4, 3, 3], 2) };

/** Graphs from x [1, 4, 8, 8] to y with all nodes in int8. */
const graphs: Record<string, { nodes: Node[]; initializers?: Record<string, Tensor> }> = {
  'Conv with bias and Relu': {
    nodes: [node('Conv', ['x', 'w', 'b'], ['a'], {}, 'conv'), node('Relu', ['a'], ['y'], {}, 'relu')],
    initializers: { b: noise([4], 5) },
  },
  'depthwise Conv': {
    nodes: [node('Conv', ['x', 'd'], ['y'], { group: int(4) }, 'conv')],
    initializers: { d: noise([4, 1, 3, 3]) },
  },
  'Gemm with bias': {
    nodes: [
      conv('x', 'a'),
      node('Flatten', ['a'], ['f'], {}, 'flatten'),
      node('Gemm', ['f', 'm', 'b'], ['y'], { transB: int(1) }, 'gemm'),
    ],
    initializers: { m: noise([6, 256]), b: noise([6], 5) },
  },
  'MatMul, also of two activations': {
    nodes: [
      node('MatMul', ['x', 'm'], ['a'], {}, 'one'),
      node('Transpose', ['a'], ['t'], { perm: ints([0, 1, 3, 2]) }, 'turn'),
      node('MatMul', ['a', 't'], ['y'], {}, 'two'),
    ],
    initializers: { m: noise([8, 8]) },
  },
  Add: { nodes: [conv('x', 'a'), conv('x', 'b', 'w2'), node('Add', ['a', 'b'], ['y'], {}, 'add')] },
  'Mul by a constant': {
    nodes: [conv('x', 'a'), node('Mul', ['a', 'k'], ['b'], {}, 'mul'), conv('b', 'y')],
    initializers: { k: noise([1, 4, 1, 1], 9) },
  },
  Concat: {
    nodes: [conv('x', 'a'), conv('x', 'b', 'w2'), node('Concat', ['a', 'b'], ['y'], { axis: int(1) }, 'join')],
  },
  AveragePool: { nodes: [conv('x', 'a'), node('AveragePool', ['a'], ['y'], { kernel_shape: ints([2, 2]) }, 'pool')] },
  GlobalAveragePool: { nodes: [conv('x', 'a'), node('GlobalAveragePool', ['a'], ['y'], {}, 'mean')] },
  LeakyRelu: { nodes: [conv('x', 'a'), node('LeakyRelu', ['a'], ['y'], { alpha: float(0.1) }, 'leaky')] },
  'Sigmoid inside': { nodes: [conv('x', 'a'), node('Sigmoid', ['a'], ['s'], {}, 'sigmoid'), conv('s', 'y')] },
  'Softmax inside': {
    nodes: [conv('x', 'a'), node('Softmax', ['a'], ['s'], { axis: int(3) }, 'soft'), conv('s', 'y')],
  },
  'what only moves values': {
    nodes: [
      conv('x', 'a'),
      node('Pad', ['a', 'pads'], ['p'], { mode: string('constant') }, 'pad'),
      node('MaxPool', ['p'], ['m'], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }, 'pool'),
      node('Resize', ['m', '', 'scales'], ['r'], { mode: string('nearest') }, 'resize'),
      node('Split', ['r'], ['s', 't'], { axis: int(1) }, 'split'),
      node('Concat', ['t', 's'], ['c'], { axis: int(1) }, 'join'),
      conv('c', 'y'),
    ],
    initializers: { pads: int64([8], [0, 0, 2, 2, 0, 0, 2, 2]), scales: float32([4], [1, 1, 2, 2]) },
  },
};

/** The size of a step of the last quantised tensor, from the graph's own last scale. */
function stepOf({ bytes }: Built): number {
  const { graph } = parseModel(bytes);
  const last = graph.nodes.filter(({ opType }) => opType === 'DequantizeLinear').at(-1);
  return Number(constantTensor(graph, last?.inputs[1] ?? '')?.data[0] ?? 0);
}

for (const activation of ['uint8', 'int8'])
  describe(`QOperator form, ${activation}`, () => {
    for (const [title, { nodes, initializers }] of Object.entries(graphs))
      test(`${title}: runs in int8 and differs from the fused QDQ form by one step at most`, async () => {
        const model = modelFrom(nodes, image, { ...weights, ...initializers });
        const recipe = { kind: 'static', activation };
        const qdq = await build(model, recipe, noiseSamples(image));
        const operators = await build(model, { ...recipe, format: 'qoperator' }, noiseSamples(image));
        assert.deepEqual(Object.keys(kernelsOf(operators)), Object.keys(kernelsOf(qdq)));
        for (const [name, kernel] of Object.entries(kernelsOf(operators))) assert.notEqual(kernel, 'float', name);
        const feeds = [11, 12, 13].map((seed) => ({ x: noise(image, seed) }));
        const [a, b] = [await outputsOf(qdq.bytes, feeds), await outputsOf(operators.bytes, feeds)];
        const worst = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
        // What ends in float has no steps; its sums are the same up to the rounding of float32.
        const allowed = Math.max(1.01 * stepOf(operators), 1e-4);
        assert.ok(worst <= allowed, `differ by ${worst}, a step is ${allowed}`);
      });
  });

test('the integer operators are in the file, so that it needs no fusing', async () => {
  const model = modelFrom(graphs.Add!.nodes, image, weights);
  const { bytes } = await build(model, { kind: 'static', format: 'qoperator' }, noiseSamples(image));
  const { graph, opsets } = parseModel(bytes);
  assert.deepEqual(
    graph.nodes.map(({ opType }) => opType),
    ['QuantizeLinear', 'QLinearConv', 'QLinearConv', 'QLinearAdd', 'DequantizeLinear'],
  );
  assert.equal(opsets.get('com.microsoft'), 1);
});
