/** Every gradient rule against central differences of ONNX Runtime's own forward kernels, on random shapes and attributes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { float, int, ints, string } from '../../../runtime/graph/attributes.ts';
import { float32, graphOf, int64, node, valueInfo } from '../../../runtime/graph/build.ts';
import type { Attribute } from '../../../runtime/graph/model.ts';
import { elementCount } from '../../../runtime/graph/tensor.ts';
import { differentiableOperators, gradient } from '../../../runtime/train/gradient/gradient.ts';
import { apart, assertGradient, between, type Case, noise } from './central-differences.ts';

type Draw = (options: { readonly seed: number; pick<T>(...from: readonly T[]): T; size(max: number): number }) => Case;

const xy = { outputs: ['y'] } as const;

function unary(
  opType: string,
  attributes: Record<string, Attribute> = {},
  make: (dims: readonly number[], seed: number) => ReturnType<typeof noise> = apart,
  more: Partial<Case> = {},
): Draw {
  return ({ seed, size }) => ({
    nodes: [node(opType, ['x'], ['y'], attributes)],
    inputs: { x: make([size(3), size(4), size(3)], seed) },
    ...xy,
    seed,
    ...more,
  });
}

const shapesToBroadcast = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [[2, 3], []],
  [
    [1, 3],
    [2, 1],
  ],
] as const;

function binary(opType: string): Draw {
  return ({ seed, pick }) => {
    const [a, b] = pick<readonly (readonly number[])[]>(...shapesToBroadcast) as [number[], number[]];
    const [first, second] = [elementCount(a), elementCount(b)];
    // Drawn together, so that no element of one is close to one of the other.
    const { data } = apart([first + second], seed);
    const inputs = { a: float32(a, data.slice(0, first)), b: float32(b, data.slice(first)) };
    return { nodes: [node(opType, ['a', 'b'], ['y'])], inputs, ...xy, seed };
  };
}

const positive = (dims: readonly number[], seed: number) => between(dims, 0.5, 2, seed);
const smooth = (dims: readonly number[], seed: number) => between(dims, -2, 2, seed);

/** Convolutions of one to three dimensions. */
const convolution: Draw = ({ seed, pick, size }) => {
  const rank = pick(1, 2, 2, 3);
  const [kernel, strides, dilations] = [3, 3, 2].map((max) => Array.from({ length: rank }, () => size(max)));
  const pads = Array.from({ length: rank * 2 }, () => size(3) - 1);
  const [groups, perGroup, outPerGroup] = pick([1, 2, 3], [3, 1, 1], [2, 2, 1], [2, 1, 2], [2, 2, 2]) as [
    number,
    number,
    number,
  ];
  const spatial = kernel!.map((k, i) => dilations![i]! * (k - 1) + 1 + size(rank === 3 ? 2 : 4) - 1);
  return {
    nodes: [
      node('Conv', ['x', 'w', 'b'], ['y'], {
        strides: ints(strides!),
        dilations: ints(dilations!),
        pads: ints(pads),
        group: int(groups),
      }),
    ],
    inputs: {
      x: noise([size(2), groups * perGroup, ...spatial], seed),
      w: noise([groups * outPerGroup, perGroup, ...kernel!], seed + 1),
      b: noise([groups * outPerGroup], seed + 2),
    },
    ...xy,
    seed,
  };
};

const transposedConvolution: Draw = ({ seed, pick, size }) => {
  const rank = pick(1, 2);
  const [kernel, strides, dilations] = [3, 3, 2].map((max) => Array.from({ length: rank }, () => size(max)));
  const [groups, perGroup, outPerGroup] = pick([1, 2, 3], [2, 1, 1], [2, 2, 1]) as [number, number, number];
  const padding = strides!.map((s, i) => Math.min(s, dilations![i]!) - 1);
  return {
    nodes: [
      node('ConvTranspose', ['x', 'w', 'b'], ['y'], {
        strides: ints(strides!),
        dilations: ints(dilations!),
        output_padding: ints(padding),
        group: int(groups),
      }),
    ],
    inputs: {
      x: noise([size(2), groups * perGroup, ...kernel!.map(() => size(3))], seed),
      w: noise([groups * perGroup, outPerGroup, ...kernel!], seed + 1),
      b: noise([groups * outPerGroup], seed + 2),
    },
    ...xy,
    seed,
  };
};

const automaticPads: Draw = ({ seed, pick, size }) => ({
  nodes: [
    node('Conv', ['x', 'w'], ['y'], {
      auto_pad: string(pick('SAME_UPPER', 'SAME_LOWER', 'VALID')),
      strides: ints([size(2), size(2)]),
    }),
  ],
  inputs: { x: noise([1, 2, size(3) + 3, size(3) + 3], seed), w: noise([2, 2, size(3), size(3)], seed + 1) },
  ...xy,
  seed,
});

function pool(opType: 'MaxPool' | 'AveragePool'): Draw {
  return ({ seed, pick, size }) => {
    const kernel = [size(2) + 1, size(2) + 1];
    // Where a window may start beyond the input, ONNX Runtime's own shapes of ceil_mode contradict each other.
    const ceil = pick(0, 1);
    const pads = [0, 0, 0, 0].map(() => (ceil ? 0 : size(2) - 1));
    return {
      nodes: [
        node(opType, ['x'], ['y'], {
          kernel_shape: ints(kernel),
          strides: ints(kernel.map((k) => Math.min(size(3), k))),
          pads: ints(pads),
          ceil_mode: int(ceil),
          ...(opType === 'AveragePool' ? { count_include_pad: int(0) } : {}),
        }),
      ],
      inputs: { x: apart([size(2), size(2), size(4) + 2, size(4) + 2], seed) },
      ...xy,
      seed,
    };
  };
}

const gemm: Draw = ({ seed, pick, size }) => {
  const [m, k, n] = [size(4), size(4), size(4)];
  const [transA, transB] = [pick(0, 1), pick(0, 1)];
  return {
    nodes: [
      node('Gemm', ['a', 'b', 'c'], ['y'], {
        transA: int(transA),
        transB: int(transB),
        alpha: float(0.7),
        beta: float(1.3),
      }),
    ],
    inputs: {
      a: noise(transA ? [k, m] : [m, k], seed),
      b: noise(transB ? [n, k] : [k, n], seed + 1),
      c: noise(pick<readonly number[]>([n], [m, n], [1, n], [m, 1], []), seed + 2),
    },
    ...xy,
    seed,
  };
};

const matMul: Draw = ({ seed, pick, size }) => {
  const [m, k, n] = [size(3), size(3), size(3)];
  const [a, b] = pick<readonly (readonly number[])[]>(
    [
      [m, k],
      [k, n],
    ],
    [
      [2, m, k],
      [k, n],
    ],
    [
      [m, k],
      [2, k, n],
    ],
    [
      [2, 1, m, k],
      [3, k, n],
    ],
    [[k], [k, n]],
    [[m, k], [k]],
    [[2, m, k], [k]],
    [[k], [2, k, n]],
    [[k], [k]],
  ) as [readonly number[], readonly number[]];
  return {
    nodes: [node('MatMul', ['a', 'b'], ['y'])],
    inputs: { a: noise(a, seed), b: noise(b, seed + 1) },
    ...xy,
    seed,
  };
};

/** Sums over axes given as operator set 17 gives them: ReduceSum by an input, others by an attribute. */
function reduce(opType: string, make = noise): Draw {
  return ({ seed, pick }) => {
    const axes = pick<readonly number[]>([0], [1, 2], [-1], [0, 1, 2]);
    const keepdims = int(pick(0, 1));
    const byInput = opType === 'ReduceSum';
    return {
      nodes: [
        node(opType, byInput ? ['x', 'axes'] : ['x'], ['y'], { keepdims, ...(byInput ? {} : { axes: ints(axes) }) }),
      ],
      inputs: { x: make([2, 3, 2], seed) },
      ...(byInput ? { constants: { axes: int64([axes.length], axes) } } : {}),
      ...xy,
      seed,
    };
  };
}

const numbers = (values: readonly number[]) => int64([values.length], values);

const slice: Draw = ({ seed, pick }) => {
  const [starts, ends, axes, steps] = pick<readonly (readonly number[])[]>(
    [[1], [3], [1], [1]],
    [
      [0, 1],
      [2, 100],
      [0, 2],
      [1, 2],
    ],
    [[-1], [-100], [1], [-1]],
    [
      [-3, 0],
      [-1, 5],
      [2, 1],
      [1, 2],
    ],
    [
      [3, 2],
      [-100, 0],
      [1, 2],
      [-2, -1],
    ],
  ) as [number[], number[], number[], number[]];
  return {
    nodes: [node('Slice', ['x', 'starts', 'ends', 'axes', 'steps'], ['y'])],
    inputs: { x: noise([2, 4, 5], seed) },
    constants: { starts: numbers(starts), ends: numbers(ends), axes: numbers(axes), steps: numbers(steps) },
    ...xy,
    seed,
  };
};

/** One or several ways to draw a case, for every operator that has a rule. */
const draws: Readonly<Record<string, readonly Draw[]>> = {
  Identity: [unary('Identity')],
  Dropout: [unary('Dropout')],
  Neg: [unary('Neg')],
  Abs: [unary('Abs')],
  Exp: [unary('Exp', {}, smooth)],
  Log: [unary('Log', {}, positive)],
  Sqrt: [unary('Sqrt', {}, positive)],
  Reciprocal: [unary('Reciprocal', {}, positive)],
  Sin: [unary('Sin', {}, smooth)],
  Cos: [unary('Cos', {}, smooth)],
  Erf: [unary('Erf', {}, smooth)],
  Add: [binary('Add')],
  Sub: [binary('Sub')],
  Mul: [binary('Mul')],
  Div: [
    ({ seed, pick }) => ({
      ...binary('Div')({ seed, pick, size: () => 1 }),
      inputs: (() => {
        const [a, b] = pick<readonly (readonly number[])[]>(...shapesToBroadcast) as [number[], number[]];
        return { a: noise(a, seed), b: positive(b, seed + 1) };
      })(),
    }),
  ],
  Pow: [
    ({ seed }) => ({
      nodes: [node('Pow', ['a', 'b'], ['y'])],
      inputs: { a: positive([2, 3], seed), b: smooth([3], seed + 1) },
      ...xy,
      seed,
    }),
    ({ seed }) => ({
      nodes: [node('Pow', ['a', 'two'], ['y'])],
      inputs: { a: noise([2, 3], seed) },
      constants: { two: float32([], [2]) },
      ...xy,
      seed,
    }),
  ],
  Sum: [
    ({ seed }) => ({
      nodes: [node('Sum', ['a', 'b', 'a'], ['y'])],
      inputs: { a: noise([2, 3], seed), b: noise([3], seed + 1) },
      ...xy,
      seed,
    }),
  ],
  Max: [binary('Max')],
  Min: [binary('Min')],
  Where: [
    ({ seed }) => ({
      nodes: [node('Greater', ['s', 'zero'], ['c']), node('Where', ['c', 'a', 'b'], ['y'])],
      inputs: { a: noise([2, 3], seed), b: noise([3], seed + 1) },
      constants: { s: noise([2, 3], seed + 2), zero: float32([], [0]) },
      ...xy,
      seed,
    }),
  ],
  Relu: [unary('Relu')],
  LeakyRelu: [unary('LeakyRelu', { alpha: float(0.2) })],
  Elu: [unary('Elu', { alpha: float(0.7) })],
  PRelu: [
    ({ seed }) => ({
      nodes: [node('PRelu', ['x', 'alpha'], ['y'])],
      inputs: { x: apart([2, 3, 2], seed), alpha: noise([3, 1], seed + 1) },
      ...xy,
      seed,
    }),
  ],
  Clip: [
    ({ seed }) => ({
      nodes: [node('Clip', ['x', 'low', 'high'], ['y'])],
      inputs: { x: apart([3, 4], seed), low: float32([], [-0.1278]), high: float32([], [0.2322]) },
      ...xy,
      seed,
    }),
  ],
  Sigmoid: [unary('Sigmoid', {}, smooth)],
  Tanh: [unary('Tanh', {}, smooth)],
  Softplus: [unary('Softplus', {}, smooth)],
  HardSigmoid: [unary('HardSigmoid', { alpha: float(0.31) }, (dims, seed) => apart(dims, seed, 0.2))],
  HardSwish: [unary('HardSwish', {}, (dims, seed) => apart(dims, seed, 0.31))],
  Gelu: [
    unary('Gelu', {}, smooth, { opset: 20 }),
    unary('Gelu', { approximate: string('tanh') }, smooth, { opset: 20 }),
    unary('com.microsoft:Gelu', {}, smooth),
  ],
  Softmax: [unary('Softmax', { axis: int(-1) }, smooth), unary('Softmax', { axis: int(1) }, smooth)],
  LogSoftmax: [unary('LogSoftmax', {}, smooth), unary('LogSoftmax', { axis: int(0) }, smooth)],
  Gemm: [gemm],
  MatMul: [matMul],
  Conv: [convolution, convolution, automaticPads],
  ConvTranspose: [transposedConvolution],
  MaxPool: [pool('MaxPool')],
  AveragePool: [
    pool('AveragePool'),
    ({ seed }) => ({
      nodes: [
        node('AveragePool', ['x'], ['y'], {
          kernel_shape: ints([3, 2]),
          strides: ints([2, 1]),
          pads: ints([1, 1, 1, 0]),
          count_include_pad: int(1),
        }),
      ],
      inputs: { x: noise([2, 2, 5, 4], seed) },
      ...xy,
      seed,
    }),
  ],
  GlobalAveragePool: [
    ({ seed, size }) => ({
      nodes: [node('GlobalAveragePool', ['x'], ['y'])],
      inputs: { x: noise([2, 2, size(4), size(3)], seed) },
      ...xy,
      seed,
    }),
  ],
  GlobalMaxPool: [
    ({ seed, size }) => ({
      nodes: [node('GlobalMaxPool', ['x'], ['y'])],
      inputs: { x: apart([2, 2, size(4), size(3)], seed) },
      ...xy,
      seed,
    }),
  ],
  ReduceSum: [reduce('ReduceSum')],
  ReduceMean: [reduce('ReduceMean')],
  ReduceMax: [reduce('ReduceMax', apart)],
  ReduceMin: [reduce('ReduceMin', apart)],
  BatchNormalization: [
    ({ seed }) => ({
      nodes: [node('BatchNormalization', ['x', 'g', 'b', 'm', 'v'], ['y'], { epsilon: float(1e-3) })],
      inputs: {
        x: noise([3, 2, 2, 2], seed),
        g: noise([2], seed + 1),
        b: noise([2], seed + 2),
        m: noise([2], seed + 3),
        v: positive([2], seed + 4),
      },
      ...xy,
      seed,
    }),
  ],
  LayerNormalization: [
    ({ seed, pick }) => {
      const axis = pick(-1, 1);
      const dims = axis === 1 ? [3, 4] : [4];
      return {
        nodes: [node('LayerNormalization', ['x', 'g', 'b'], ['y'], { axis: int(axis) })],
        inputs: { x: noise([2, 3, 4], seed), g: noise(dims, seed + 1), b: noise(dims, seed + 2) },
        ...xy,
        seed,
        tolerance: 1e-2,
      };
    },
  ],
  Reshape: [
    ({ seed }) => ({
      nodes: [node('Reshape', ['x', 'dims'], ['y'])],
      inputs: { x: noise([2, 6], seed) },
      constants: { dims: numbers([3, -1]) },
      ...xy,
      seed,
    }),
  ],
  Flatten: [unary('Flatten', { axis: int(2) }, noise)],
  Squeeze: [
    ({ seed }) => ({
      nodes: [node('Squeeze', ['x', 'axes'], ['y'])],
      inputs: { x: noise([2, 1, 3], seed) },
      constants: { axes: numbers([1]) },
      ...xy,
      seed,
    }),
  ],
  Unsqueeze: [
    ({ seed }) => ({
      nodes: [node('Unsqueeze', ['x', 'axes'], ['y'])],
      inputs: { x: noise([2, 3], seed) },
      constants: { axes: numbers([0, -1]) },
      ...xy,
      seed,
    }),
  ],
  Transpose: [unary('Transpose', { perm: ints([2, 0, 1]) }, noise), unary('Transpose', {}, noise)],
  Concat: [
    ({ seed, pick }) => ({
      nodes: [node('Concat', ['a', 'b', 'a'], ['y'], { axis: int(pick(1, -1)) })],
      inputs: { a: noise([2, 3], seed), b: noise([2, 2], seed + 1) },
      ...xy,
      seed,
    }),
  ],
  Split: [
    ({ seed, pick }) => ({
      nodes: [node('Split', ['x', 'sizes'], ['y', 'unused', 'z'], { axis: int(pick(1, -2)) })],
      inputs: { x: noise([2, 6, 2], seed) },
      constants: { sizes: numbers([1, 2, 3]) },
      outputs: ['y', 'z'],
      seed,
    }),
  ],
  Slice: [slice],
  Pad: [
    ({ seed, pick }) => ({
      nodes: [node('Pad', ['x', 'pads'], ['y'])],
      inputs: { x: noise([2, 3], seed) },
      constants: { pads: numbers(pick([1, 0, 2, 1], [0, -1, 0, 2])) },
      ...xy,
      seed,
    }),
  ],
  Gather: [
    ({ seed, pick }) => ({
      nodes: [node('Gather', ['x', 'at'], ['y'], { axis: int(pick(0, 1, -1)) })],
      inputs: { x: noise([3, 3, 3], seed) },
      constants: { at: pick(int64([2, 2], [0, 2, 2, 1]), int64([], [1]), int64([2], [-1, 0])) },
      ...xy,
      seed,
    }),
  ],
  GatherElements: [
    ({ seed }) => ({
      nodes: [node('GatherElements', ['x', 'at'], ['y'], { axis: int(1) })],
      inputs: { x: noise([2, 3], seed) },
      constants: { at: int64([2, 2], [0, 0, 2, 1]) },
      ...xy,
      seed,
    }),
  ],
  Expand: [
    ({ seed }) => ({
      nodes: [node('Expand', ['x', 'dims'], ['y'])],
      inputs: { x: noise([3, 1], seed) },
      constants: { dims: numbers([2, 1, 4]) },
      ...xy,
      seed,
    }),
  ],
  Tile: [
    ({ seed }) => ({
      nodes: [node('Tile', ['x', 'times'], ['y'])],
      inputs: { x: noise([2, 3], seed) },
      constants: { times: numbers([2, 3]) },
      ...xy,
      seed,
    }),
  ],
};

/** What has no slope that differences could find, because it is made of steps; see fake-quantise.test.ts. */
const steps: ReadonlySet<string> = new Set(['QuantizeLinear', 'DequantizeLinear']);

describe('gradient', () => {
  test('every operator of the table is checked', () => {
    const unchecked = differentiableOperators.filter((opType) => !(opType in draws) && !steps.has(opType));
    assert.deepEqual(unchecked, []);
  });

  for (const [opType, list] of Object.entries(draws))
    test(`${opType} is what central differences say`, async () => {
      const runs = opType.startsWith('Conv') || opType.endsWith('Pool') ? 24 : 4 * list.length;
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 2 ** 30 }),
          fc.infiniteStream(fc.nat(2 ** 20)),
          async (seed, stream) => {
            const next = () => stream.next().value as number;
            const pick = <T>(...from: readonly T[]): T => from[next() % from.length]!;
            const size = (max: number) => 1 + (next() % max);
            await assertGradient(pick(...list)({ seed, pick, size }));
          },
        ),
        { numRuns: runs, endOnFailure: true },
      );
    });

  test('a value with several users gets the sum of what they say', async () => {
    await assertGradient({
      nodes: [
        node('Mul', ['x', 'w'], ['a']),
        node('Tanh', ['a'], ['b']),
        node('Add', ['a', 'b'], ['c']),
        node('Mul', ['c', 'a'], ['y']),
      ],
      inputs: { x: noise([2, 3], 1), w: noise([3], 2) },
      outputs: ['y', 'b'],
      seed: 5,
    });
  });

  test('operators without a gradient are named with where they are', () => {
    const graph = graphOf({
      nodes: [node('Hardmax', ['x'], ['h'], {}, 'pick'), node('Relu', ['h'], ['y'])],
      inputs: [valueInfo('x', 'float32', [2, 3])],
      outputs: [valueInfo('y', 'float32')],
    });
    assert.throws(() => gradient(graph, 'y', ['x'], new Map()), {
      code: 'MODEL_UNSUPPORTED',
      message: /Hardmax "pick"/,
    });
  });

  test('what does not lead from a parameter to the loss needs no rule', () => {
    const dims = [2, 3] as const;
    const graph = graphOf({
      nodes: [node('Hardmax', ['x'], ['h']), node('Mul', ['h', 'w'], ['y'])],
      inputs: [valueInfo('x', 'float32', dims), valueInfo('w', 'float32', dims)],
      outputs: [valueInfo('y', 'float32')],
    });
    const shapes = new Map(['x', 'w', 'h', 'y'].map((name) => [name, dims]));
    assert.deepEqual([...gradient(graph, 'y', ['w'], shapes).gradients.keys()], ['w']);
    assert.equal(elementCount(dims), 6);
  });
});
