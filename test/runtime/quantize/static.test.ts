/** Oracle: ONNX Runtime: it says what fuses, and the float model's outputs are the numbers to come close to. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openSession } from '../../../runtime/engine/session.ts';
import { float, graph, int, ints } from '../../../runtime/graph/attributes.ts';
import { float32, graphOf, int64, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { parseModel } from '../../../runtime/graph/load.ts';
import type { Model, Node } from '../../../runtime/graph/model.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import type { Tensor } from '../../../runtime/graph/tensor.ts';
import { assertSound } from '../../../runtime/graph/verify.ts';
import { applyRecipe, observeFor } from '../../../runtime/quantize/quantize.ts';
import type { StaticRecipe } from '../../../runtime/quantize/recipe.ts';
import type { Quantized } from '../../../runtime/quantize/verify/settle.ts';
import { staticHere } from './built.ts';
import { conv, modelFrom, noise, noiseSamples } from './small-models.ts';

type Built = Extract<Quantized, { ok: true }>;

async function quantizeSmall(model: Model, dims: readonly number[], options: Partial<StaticRecipe> = {}) {
  const recipe = staticHere(options);
  const built = await applyRecipe(model, recipe, await observeFor(model, [recipe], noiseSamples(dims)));
  assert.ok(built.ok, built.ok ? '' : built.reason);
  assertSound(parseModel(built.bytes));
  return built;
}

function kernelsOf({ outcomes }: Built): Record<string, string | undefined> {
  return Object.fromEntries(outcomes.map(({ node: name, kernel }) => [name, kernel]));
}

/** The largest difference of the int8 model's outputs from the float model's, as a share of the outputs' range. */
async function relativeError(model: Model, built: Built, dims: readonly number[]): Promise<number> {
  const [exact, int8] = [await openSession(encodeModel(model)), await openSession(built.bytes)];
  let [worst, largest] = [0, 0];
  for (let seed = 1; seed <= 8; seed++) {
    const x = noise(dims, seed);
    const [a, b] = [(await exact.run({ x })).y!.data, (await int8.run({ x })).y!.data];
    for (const [i, value] of Array.from(a, Number).entries()) {
      worst = Math.max(worst, Math.abs(value - Number(b[i])));
      largest = Math.max(largest, Math.abs(value));
    }
  }
  return worst / largest;
}

const image = [1, 4, 8, 8];
const weight = { w: noise([4, 4, 3, 3]) };

/** Graphs from x [1, 4, 8, 8] to y, in which each named node must run as that kernel. */
const fusing: Record<
  string,
  { nodes: Node[]; kernels: Record<string, string>; initializers?: Record<string, Tensor> }
> = {
  'Conv with Relu': {
    nodes: [conv('x', 'a'), node('Relu', ['a'], ['y'], {}, 'relu')],
    kernels: { a: 'QLinearConv', relu: 'QLinearConv' },
  },
  'Conv with Clip': {
    nodes: [conv('x', 'a'), node('Clip', ['a', 'low', 'high'], ['y'], {}, 'clip')],
    initializers: { low: float32([], [0]), high: float32([], [1]) },
    kernels: { a: 'QLinearConv', clip: 'QLinearConv' },
  },
  'depthwise Conv': {
    nodes: [node('Conv', ['x', 'd'], ['y'], { group: int(4), pads: ints([1, 1, 1, 1]) }, 'd')],
    initializers: { d: noise([4, 1, 3, 3]) },
    kernels: { d: 'QLinearConv' },
  },
  'a residual Add': {
    nodes: [conv('x', 'a'), conv('a', 'b'), node('Add', ['a', 'b'], ['y'], {}, 'add')],
    kernels: { a: 'QLinearConv', b: 'QLinearConv', add: 'QLinearAdd' },
  },
  'Mul with a constant': {
    nodes: [conv('x', 'a'), node('Mul', ['a', 'c'], ['y'], {}, 'mul')],
    initializers: { c: noise([4, 1, 1]) },
    kernels: { mul: 'QLinearMul' },
  },
  Concat: {
    nodes: [conv('x', 'a'), conv('a', 'b'), node('Concat', ['a', 'b'], ['y'], { axis: int(1) }, 'concat')],
    kernels: { concat: 'QLinearConcat' },
  },
  'MaxPool between convolutions': {
    nodes: [
      conv('x', 'a'),
      node('MaxPool', ['a'], ['p'], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }, 'pool'),
      conv('p', 'y'),
    ],
    kernels: { a: 'QLinearConv', pool: 'MaxPool', y: 'QLinearConv' },
  },
  AveragePool: {
    nodes: [conv('x', 'a'), node('AveragePool', ['a'], ['y'], { kernel_shape: ints([2, 2]) }, 'pool')],
    kernels: { pool: 'QLinearAveragePool' },
  },
  'LeakyRelu and Sigmoid between convolutions': {
    nodes: [
      conv('x', 'a'),
      node('LeakyRelu', ['a'], ['l'], { alpha: float(0.1) }, 'leaky'),
      conv('l', 'b'),
      node('Sigmoid', ['b'], ['s'], {}, 'sigmoid'),
      conv('s', 'y'),
    ],
    kernels: { leaky: 'QLinearLeakyRelu', sigmoid: 'QLinearSigmoid' },
  },
  'GlobalAveragePool, Reshape, Gemm with Relu, Gemm': {
    nodes: [
      conv('x', 'a'),
      node('GlobalAveragePool', ['a'], ['g'], {}, 'pool'),
      node('Reshape', ['g', 'shape'], ['r'], {}, 'reshape'),
      node('Gemm', ['r', 'm', 'b'], ['h'], {}, 'hidden'),
      node('Relu', ['h'], ['i'], {}, 'relu'),
      node('Gemm', ['i', 'm', 'b'], ['y'], { transB: int(1) }, 'gemm'),
    ],
    initializers: { shape: int64([2], [1, 4]), m: noise([4, 4]), b: noise([4]) },
    kernels: {
      pool: 'QLinearGlobalAveragePool',
      reshape: 'Reshape',
      hidden: 'QGemm',
      relu: 'QGemm',
      gemm: 'QGemm',
    },
  },
  'Reshape to a size computed from the tensor itself, Gemm': {
    nodes: [
      conv('x', 'a'),
      node('Shape', ['a'], ['size'], {}, 'size'),
      node('Gather', ['size', 'zero'], ['batch'], { axis: int(0) }, 'batch'),
      node('Concat', ['batch', 'rest'], ['shape'], { axis: int(0) }, 'shape'),
      node('Reshape', ['a', 'shape'], ['r'], {}, 'reshape'),
      node('Gemm', ['r', 'm'], ['y'], {}, 'gemm'),
    ],
    initializers: { zero: int64([1], [0]), rest: int64([1], [-1]), m: noise([256, 4]) },
    kernels: { a: 'QLinearConv', reshape: 'Reshape', gemm: 'QGemm' },
  },
  'Slice, Gather, Unsqueeze, Concat': {
    nodes: [
      conv('x', 'a'),
      node('Slice', ['a', 'from', 'to', 'axis'], ['s'], {}, 'slice'),
      node('Gather', ['s', 'index'], ['g'], { axis: int(1) }, 'gather'),
      node('Unsqueeze', ['g', 'one'], ['u'], {}, 'unsqueeze'),
      node('Concat', ['u', 'u', 'u', 'u'], ['c'], { axis: int(1) }, 'concat'),
      conv('c', 'y'),
    ],
    initializers: {
      from: int64([1], [1]),
      to: int64([1], [5]),
      axis: int64([1], [2]),
      index: int64([], [2]),
      one: int64([1], [1]),
    },
    kernels: { slice: 'Slice', gather: 'Gather', unsqueeze: 'Unsqueeze', concat: 'QLinearConcat', y: 'QLinearConv' },
  },
  'squeeze and excite': {
    nodes: [
      conv('x', 'a'),
      node('GlobalAveragePool', ['a'], ['g'], {}, 'pool'),
      node('Conv', ['g', 'e'], ['h'], {}, 'excite'),
      node('Sigmoid', ['h'], ['s'], {}, 'sigmoid'),
      node('Mul', ['a', 's'], ['m'], {}, 'mul'),
      conv('m', 'y'),
    ],
    initializers: { e: noise([4, 4, 1, 1]) },
    kernels: { pool: 'QLinearGlobalAveragePool', excite: 'QLinearConv', sigmoid: 'QLinearSigmoid', mul: 'QLinearMul' },
  },
  'MatMul and Add of a bias': {
    nodes: [
      conv('x', 'a'),
      node('MatMul', ['a', 'm'], ['p'], {}, 'product'),
      node('Add', ['p', 'b'], ['q'], {}, 'bias'),
      conv('q', 'y'),
    ],
    initializers: { m: noise([8, 8]), b: noise([8]) },
    kernels: { product: 'QLinearMatMul', bias: 'QLinearAdd' },
  },
  'MatMul of two activations and Softmax between': {
    nodes: [
      conv('x', 'a'),
      node('Softmax', ['a'], ['s'], { axis: int(-1) }, 'softmax'),
      node('MatMul', ['s', 'a'], ['m'], {}, 'product'),
      conv('m', 'y'),
    ],
    kernels: { softmax: 'QLinearSoftmax', product: 'QLinearMatMul' },
  },
};

for (const activation of ['uint8', 'int8'] as const)
  describe(`static ${activation}: ONNX Runtime fuses`, () => {
    for (const [what, { nodes, kernels, initializers = {} }] of Object.entries(fusing))
      test(what, async () => {
        const model = modelFrom(nodes, image, { ...weight, ...initializers });
        const built = await quantizeSmall(model, image, { activation });
        const found = kernelsOf(built);
        for (const [name, kernel] of Object.entries(kernels)) assert.equal(found[name], kernel, name);
        // Each of a handful of layers may err by a step or two of 1/255 of its range.
        const error = await relativeError(model, built, image);
        assert.ok(error < 0.05, `expected outputs within 5 % of the largest, got ${(error * 100).toFixed(2)} %`);
      });
  });

test('a 1-D convolution runs as QLinearConv', async () => {
  const nodes = [node('Conv', ['x', 'w'], ['y'], { pads: ints([1, 1]) }, 'conv')];
  const model = modelFrom(nodes, [1, 4, 16], { w: noise([8, 4, 3]) });
  assert.deepEqual(kernelsOf(await quantizeSmall(model, [1, 4, 16])), { conv: 'QLinearConv' });
});

for (const [what, dims, kernel] of [
  ['a row', [1, 4], 'QGemm'],
  ['one value', [1], undefined],
  ['a matrix', [2, 4], undefined],
] as const)
  test(`a Gemm whose bias is ${what} ${kernel ? 'runs in int8' : 'stays float: int32 needs one value for each column'}`, async () => {
    const gemm = node('Gemm', ['x', 'm', 'b'], ['p'], {}, 'gemm');
    const nodes = [gemm, node('MatMul', ['p', 'n'], ['y'], {}, 'product')];
    const model = modelFrom(nodes, [2, 8], { m: noise([8, 4]), b: noise(dims), n: noise([4, 4]) });
    const built = await quantizeSmall(model, [2, 8]);
    assert.equal(kernelsOf(built).gemm, kernel);
    assert.ok((await relativeError(model, built, [2, 8])) < 0.05);
  });

test('an AveragePool that ONNX Runtime would fuse to other values stays float', async () => {
  const attributes = {
    kernel_shape: ints([3, 3]),
    strides: ints([2, 2]),
    ceil_mode: int(1),
    count_include_pad: int(1),
  };
  const model = modelFrom([conv('x', 'a'), node('AveragePool', ['a'], ['y'], attributes, 'pool')], image, weight);
  const built = await quantizeSmall(model, image);
  assert.equal(kernelsOf(built).pool, undefined);
  assert.ok((await relativeError(model, built, image)) < 0.05);
});

test('an operator without int8 kernel stays float, with float on both sides, and says why', async () => {
  const model = modelFrom([conv('x', 'a'), node('Tanh', ['a'], ['t'], {}, 'tanh'), conv('t', 'y')], image, weight);
  const { outcomes } = await quantizeSmall(model, image);
  assert.deepEqual(
    outcomes.find(({ node: name }) => name === 'tanh'),
    { node: 'tanh', opType: 'Tanh', reason: 'no int8 kernel for Tanh' },
  );
});

test('an excluded node stays float, and what follows it can still be int8', async () => {
  const model = modelFrom([conv('x', 'a'), conv('a', 'b'), conv('b', 'y')], image, weight);
  const { outcomes } = await quantizeSmall(model, image, { exclude: ['b'] });
  assert.deepEqual(
    outcomes.map(({ kernel, reason }) => kernel ?? reason),
    ['QLinearConv', 'the recipe excludes it', 'QLinearConv'],
  );
});

test('a Relu whose input somebody else reads, too, is not folded', async () => {
  const nodes = [conv('x', 'a'), node('Relu', ['a'], ['r'], {}, 'relu'), node('Add', ['a', 'r'], ['y'], {}, 'add')];
  const model = modelFrom(nodes, image, weight);
  const built = await quantizeSmall(model, image);
  assert.equal(kernelsOf(built).relu, undefined);
  assert.ok((await relativeError(model, built, image)) < 0.02);
});

test('what feeds the body of an If stays float, because the body reads it in float', async () => {
  const body = (op: string) =>
    graph(graphOf({ nodes: [node(op, ['a'], ['out'])], outputs: [valueInfo('out', 'float32')] }));
  const branches = { then_branch: body('Neg'), else_branch: body('Abs') };
  const nodes = [
    conv('x', 'a'),
    conv('a', 'b'),
    node('If', ['yes'], ['c'], branches, 'if'),
    node('Add', ['b', 'c'], ['y'], {}, 'add'),
  ];
  const yes = { type: 'bool', dims: [], data: Uint8Array.of(1) } as const;
  const model = modelFrom(nodes, image, { ...weight, yes });
  const built = await quantizeSmall(model, image);
  assert.deepEqual([kernelsOf(built).a, kernelsOf(built).b], [undefined, 'QLinearConv']);
  assert.ok((await relativeError(model, built, image)) < 0.02);
});

test('a bias far too large for its weights does not saturate: the weight scale grows', async () => {
  const initializers = { w: float32([2, 1, 1, 1], [1e-9, 1]), b: float32([2], [500, 1]) };
  const model = modelFrom([node('Conv', ['x', 'w', 'b'], ['y'], {}, 'conv')], [1, 1, 4, 4], initializers);
  const built = await quantizeSmall(model, [1, 1, 4, 4]);
  const y = (await (await openSession(built.bytes)).run({ x: noise([1, 1, 4, 4]) })).y!;
  // One step of the output's range of 500 or so is 2.
  assert.ok(Math.abs(Number(y.data[0]) - 500) <= 2, `expected 500, got ${y.data[0]}`);
});

test('a weight that two nodes share is quantised for each with its own scale', async () => {
  const model = modelFrom([conv('x', 'a'), conv('a', 'y')], image, weight);
  const built = await quantizeSmall(model, image);
  assert.ok((await relativeError(model, built, image)) < 0.05);
});

test('a graph output that is read inside, too, keeps its name and its meaning', async () => {
  const model = modelOf(
    graphOf({
      nodes: [conv('x', 'a'), conv('a', 'y')],
      inputs: [valueInfo('x', 'float32', image)],
      outputs: [valueInfo('a', 'float32'), valueInfo('y', 'float32')],
      initializers: weight,
    }),
    { '': 13 },
  );
  const built = await quantizeSmall(model, image);
  assert.deepEqual(
    parseModel(built.bytes).graph.outputs.map(({ name }) => name),
    ['a', 'y'],
  );
  assert.deepEqual(kernelsOf(built), { a: 'QLinearConv', y: 'QLinearConv' });
});

test('a model in which nothing can be int8 is left alone, with the reason', async () => {
  const model = modelFrom([node('Tanh', ['x'], ['y'], {}, 'tanh')], image);
  const recipe = staticHere();
  const built = await applyRecipe(model, recipe, await observeFor(model, [recipe], undefined));
  assert.deepEqual(
    [built.ok, built.ok || built.reason],
    [false, 'no node of this model would run in int8 (it has Tanh)'],
  );
});

test('the same recipe on the same data gives the same bytes', async () => {
  const model = modelFrom(fusing['a residual Add']!.nodes, image, weight);
  const [one, two] = [await quantizeSmall(model, image), await quantizeSmall(model, image)];
  assert.deepEqual(one.bytes, two.bytes);
});
