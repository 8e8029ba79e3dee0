/**
 * What becomes of each operator between two convolutions or two products, one line per operator: what the static recipe covers, as
 * ONNX Runtime itself says. Each result also runs and stays near the float model.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { float, int, ints, string, tensor } from '../../../runtime/graph/attributes.ts';
import { float32, int64, node } from '../../../runtime/graph/build.ts';
import { storeTensor } from '../../../runtime/graph/initializer.ts';
import type { Node } from '../../../runtime/graph/model.ts';
import { saveModel } from '../../../runtime/graph/save.ts';
import type { Tensor } from '../../../runtime/graph/tensor.ts';
import { prepareModel } from '../../../runtime/quantize/prepare/prepare.ts';
import { build, relativeError } from './built.ts';
import { conv, modelFrom, noise, noiseSamples } from './small-models.ts';

type Case = {
  /** From `a` to `m`. */
  readonly nodes: readonly Node[];
  readonly constants?: Readonly<Record<string, Tensor>>;
  /** Of the operator, or `float`. */
  readonly kernel: string;
  /** What the second layer reads: channels of an image, columns of a matrix. Default 8. */
  readonly width?: number;
};

const unary = (opType: string, kernel: string, attributes = {}): Case => ({
  nodes: [node(opType, ['a'], ['m'], attributes, 'it')],
  kernel,
});
const pooling = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
const normalisation = {
  s: noise([8], 4),
  o: noise([8], 5),
  me: noise([8], 6),
  va: float32([8], [1, 2, 3, 4, 5, 6, 7, 8]),
};

/** Between 3 × 3 convolutions over 8 channels. */
const betweenConvolutions: Readonly<Record<string, Case>> = {
  'grouped Conv': {
    nodes: [node('Conv', ['a', 'g'], ['m'], { group: int(2) }, 'it')],
    constants: { g: noise([8, 4, 3, 3], 7) },
    kernel: 'QLinearConv',
  },
  'depthwise Conv': {
    nodes: [node('Conv', ['a', 'g'], ['m'], { group: int(8) }, 'it')],
    constants: { g: noise([8, 1, 3, 3], 7) },
    kernel: 'QLinearConv',
  },
  ConvTranspose: {
    nodes: [node('ConvTranspose', ['a', 'g'], ['m'], { strides: ints([2, 2]) }, 'it')],
    constants: { g: noise([8, 8, 2, 2], 7) },
    kernel: 'float',
  },
  'Add of two values': { nodes: [node('Add', ['a', 'x'], ['m'], {}, 'it')], kernel: 'QLinearAdd' },
  'Mul of two values': { nodes: [node('Mul', ['a', 'x'], ['m'], {}, 'it')], kernel: 'QLinearMul' },
  Concat: { nodes: [node('Concat', ['a', 'x'], ['m'], { axis: int(1) }, 'it')], kernel: 'QLinearConcat', width: 16 },
  AveragePool: unary('AveragePool', 'QLinearAveragePool', pooling),
  MaxPool: unary('MaxPool', 'MaxPool', pooling),
  GlobalAveragePool: unary('GlobalAveragePool', 'QLinearGlobalAveragePool'),
  'ReduceMean over space': unary('ReduceMean', 'QLinearGlobalAveragePool', { axes: ints([2, 3]) }),
  Relu: unary('Relu', 'QLinearConv'),
  Relu6: {
    nodes: [node('Clip', ['a', 'lo', 'hi'], ['m'], {}, 'it')],
    constants: { lo: float32([], [0]), hi: float32([], [6]) },
    kernel: 'QLinearConv',
  },
  LeakyRelu: unary('LeakyRelu', 'QLinearLeakyRelu', { alpha: float(0.1) }),
  Sigmoid: unary('Sigmoid', 'QLinearSigmoid'),
  Tanh: unary('Tanh', 'float'),
  'BatchNormalization that Relu follows': {
    nodes: [
      node('BatchNormalization', ['a', 's', 'o', 'me', 'va'], ['n'], {}, 'norm'),
      node('Relu', ['n'], ['m'], {}, 'it'),
    ],
    constants: normalisation,
    kernel: 'QLinearConv',
  },
  'Resize to the nearest': {
    nodes: [node('Resize', ['a', '', 'scales'], ['m'], { mode: string('nearest') }, 'it')],
    constants: { scales: float32([4], [1, 1, 2, 2]) },
    kernel: 'Resize',
  },
  'Resize that interpolates': {
    nodes: [node('Resize', ['a', '', 'scales'], ['m'], { mode: string('linear') }, 'it')],
    constants: { scales: float32([4], [1, 1, 2, 2]) },
    kernel: 'float',
  },
  'Pad, by the Conv that follows': {
    nodes: [node('Pad', ['a', 'pads'], ['m'], {}, 'it')],
    constants: { pads: int64([8], [0, 0, 1, 1, 0, 0, 1, 1]) },
    kernel: 'folded',
  },
  'Pad of channels': {
    nodes: [node('Pad', ['a', 'pads'], ['m'], {}, 'it')],
    constants: { pads: int64([8], [0, 0, 0, 0, 0, 8, 0, 0]) },
    kernel: 'Pad',
    width: 16,
  },
  Slice: {
    nodes: [node('Slice', ['a', 'from', 'to', 'axis'], ['m'], {}, 'it')],
    constants: { from: int64([1], [0]), to: int64([1], [4]), axis: int64([1], [1]) },
    kernel: 'Slice',
    width: 4,
  },
  'Split and Concat': {
    nodes: [
      node('Split', ['a'], ['s1', 's2'], { axis: int(1) }, 'it'),
      node('Concat', ['s2', 's1'], ['m'], { axis: int(1) }, 'concat'),
    ],
    kernel: 'Split',
  },
  'Gather of channels': {
    nodes: [node('Gather', ['a', 'rows'], ['m'], { axis: int(1) }, 'it')],
    constants: { rows: int64([4], [0, 2, 4, 6]) },
    kernel: 'Gather',
    width: 4,
  },
  DepthToSpace: { ...unary('DepthToSpace', 'DepthToSpace', { blocksize: int(2) }), width: 2 },
  Transpose: unary('Transpose', 'Transpose', { perm: ints([0, 1, 3, 2]) }),
  'an operator nobody knows an int8 kernel for': unary('Softplus', 'float'),
};

/** Between products over rows of 8. */
const betweenProducts: Readonly<Record<string, Case>> = {
  'MatMul and Add of a bias': {
    nodes: [node('MatMul', ['a', 'g'], ['p'], {}, 'it'), node('Add', ['p', 'c'], ['m'], {}, 'bias')],
    constants: { g: noise([8, 8], 7), c: noise([8], 8) },
    kernel: 'QGemm',
  },
  Gemm: {
    nodes: [node('Gemm', ['a', 'g', 'c'], ['m'], { transB: int(1) }, 'it')],
    constants: { g: noise([8, 8], 7), c: noise([8], 8) },
    kernel: 'QGemm',
  },
  'Gemm and BatchNormalization and Relu': {
    nodes: [
      node('Gemm', ['a', 'g', 'c'], ['p'], {}, 'gemm'),
      node('BatchNormalization', ['p', 's', 'o', 'me', 'va'], ['n'], {}, 'norm'),
      node('Relu', ['n'], ['m'], {}, 'it'),
    ],
    constants: { g: noise([8, 8], 7), c: noise([8], 8), ...normalisation },
    kernel: 'QGemm',
  },
  Softmax: unary('Softmax', 'QLinearSoftmax', { axis: int(-1) }),
  LayerNormalization: {
    nodes: [node('LayerNormalization', ['a', 's', 'o'], ['m'], {}, 'it')],
    constants: { s: normalisation.s, o: normalisation.o },
    kernel: 'float',
  },
  Reshape: {
    nodes: [node('Reshape', ['a', 'shape'], ['m'], {}, 'it')],
    constants: { shape: int64([2], [8, 8]) },
    kernel: 'Reshape',
  },
  'weights in a Constant node': {
    nodes: [
      node('Constant', [], ['g'], { value: tensor(storeTensor('g', noise([8, 8], 7))) }, 'constant'),
      node('MatMul', ['a', 'g'], ['m'], {}, 'it'),
    ],
    kernel: 'QLinearMatMul',
  },
  'weights tied to the layer before': { nodes: [node('MatMul', ['a', 'w'], ['m'], {}, 'it')], kernel: 'QLinearMatMul' },
};

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-coverage-'));
});
after(() => rm(folder, { recursive: true }));

const convolutions = { first: conv('x', 'a'), last: conv('m', 'y', 'v'), dims: [1, 8, 8, 8], kernel: [3, 3] };
const products = {
  first: node('MatMul', ['x', 'w'], ['a'], {}, 'a'),
  last: node('MatMul', ['m', 'v'], ['y'], {}, 'y'),
  dims: [8, 8],
  kernel: [],
};

for (const [cases, around] of [
  [betweenConvolutions, convolutions],
  [betweenProducts, products],
] as const)
  for (const [name, { nodes, constants = {}, kernel, width = 8 }] of Object.entries(cases))
    test(`${name}: ${kernel}`, async () => {
      const { first, last, dims } = around;
      const made = modelFrom([first, ...nodes, last], dims, {
        w: noise([8, 8, ...around.kernel]),
        v: noise([8, width, ...around.kernel], 3),
        ...constants,
      });
      const path = join(folder, 'model.onnx');
      await saveModel({ ...made, opsets: new Map([['', name.startsWith('Layer') ? 17 : 13]]) }, path);
      const model = await prepareModel(path);
      const samples = noiseSamples(dims);
      const built = await build(model, { kind: 'static' }, samples);
      const outcome = built.outcomes.find(({ node: at }) => at === 'it' || at.startsWith('it/'));
      assert.equal(outcome ? (outcome.kernel ?? 'float') : 'folded', kernel, outcome?.reason);
      const feeds = await Promise.all([0, 1].map((index) => samples.feeds(index)));
      assert.ok((await relativeError(model, built, feeds)) < 0.12);
    });
