/** What the fuzz starts from: small valid models that between them use every part of the quantiser. */
import { graph as graphAttribute, int, ints, string } from '../../runtime/graph/attributes.ts';
import { float32, graphOf, int64, modelOf, node, valueInfo } from '../../runtime/graph/build.ts';
import type { Model } from '../../runtime/graph/model.ts';
import { noise } from '../runtime/quantize/small-models.ts';

const image = valueInfo('x', 'float32', [1, 4, 6, 6]);
const row = valueInfo('x', 'float32', [1, 16]);
const y = valueInfo('y', 'float32');

export const seedModels: Readonly<Record<string, () => Model>> = {
  convolutions: () =>
    modelOf(
      graphOf({
        nodes: [
          node('Pad', ['x', 'pads'], ['p'], { mode: string('constant') }, 'pad'),
          node('Conv', ['p', 'w', 'b'], ['a'], { strides: ints([1, 1]) }, 'conv'),
          node('Relu', ['a'], ['r'], {}, 'relu'),
          node('MaxPool', ['r'], ['m'], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }, 'pool'),
          node('Conv', ['m', 'd'], ['e'], { group: int(4), pads: ints([1, 1, 1, 1]) }, 'depthwise'),
          node('Add', ['m', 'e'], ['s'], {}, 'sum'),
          node('GlobalAveragePool', ['s'], ['g'], {}, 'mean'),
          node('Flatten', ['g'], ['f'], {}, 'flatten'),
          node('Gemm', ['f', 'k'], ['y'], { transB: int(1) }, 'gemm'),
        ],
        inputs: [image],
        outputs: [y],
        initializers: {
          pads: int64([8], [0, 0, 1, 1, 0, 0, 1, 1]),
          w: noise([4, 4, 3, 3]),
          b: noise([4], 2),
          d: noise([4, 1, 3, 3], 3),
          k: noise([5, 4], 4),
        },
      }),
      { '': 13 },
    ),
  matrices: () =>
    modelOf(
      graphOf({
        nodes: [
          node('MatMul', ['x', 'w'], ['a'], {}, 'matmul'),
          node('Add', ['a', 'b'], ['c'], {}, 'bias'),
          node('Sigmoid', ['c'], ['d'], {}, 'sigmoid'),
          node('Split', ['d'], ['e', 'f'], { axis: int(1) }, 'split'),
          node('Concat', ['e', 'f'], ['g'], { axis: int(1) }, 'concat'),
          node('MatMul', ['g', 'v'], ['h'], {}, 'matmul2'),
          node('Softmax', ['h'], ['y'], { axis: int(1) }, 'softmax'),
        ],
        inputs: [row],
        outputs: [y],
        initializers: { w: noise([16, 8]), b: noise([8], 2), v: noise([8, 4], 3) },
      }),
      { '': 13 },
    ),
  recurrent: () =>
    modelOf(
      graphOf({
        nodes: [
          node('Reshape', ['x', 'shape'], ['s'], {}, 'reshape'),
          node('LSTM', ['s', 'w', 'r'], ['h', 'last'], { hidden_size: int(3) }, 'lstm'),
          node('Squeeze', ['last', 'first'], ['q'], {}, 'squeeze'),
          node('Gemm', ['q', 'k'], ['y'], {}, 'gemm'),
        ],
        inputs: [row],
        outputs: [y],
        initializers: {
          shape: int64([3], [4, 1, 4]),
          first: int64([1], [0]),
          w: noise([1, 12, 4]),
          r: noise([1, 12, 3], 2),
          k: noise([3, 2], 3),
        },
      }),
      { '': 14 },
    ),
  // One-dimensional, upsampled, normalised: what the rewrites for speed look for.
  signal: () =>
    modelOf(
      graphOf({
        nodes: [
          node('Conv', ['x', 'w', 'b'], ['a'], { pads: ints([1, 1]), strides: ints([2]) }, 'conv'),
          node('Relu', ['a'], ['r'], {}, 'relu'),
          node('ConvTranspose', ['r', 't'], ['u'], { strides: ints([2]) }, 'transposed'),
          node('MaxPool', ['u'], ['m'], { kernel_shape: ints([2]), strides: ints([2]) }, 'pool'),
          node('Transpose', ['m'], ['s'], { perm: ints([0, 2, 1]) }, 'transpose'),
          node('LayerNormalization', ['s', 'g', 'b'], ['n'], { axis: int(-1) }, 'norm'),
          node('MatMul', ['n', 'v'], ['p'], {}, 'matmul'),
          node('Add', ['p', 'b'], ['q'], {}, 'bias'),
          node('ReduceMean', ['q'], ['y'], { axes: ints([1]), keepdims: int(0) }, 'mean'),
        ],
        inputs: [valueInfo('x', 'float32', [1, 3, 16])],
        outputs: [y],
        initializers: {
          w: noise([4, 3, 3]),
          b: noise([4], 2),
          t: noise([4, 4, 2], 3),
          g: noise([4], 4),
          v: noise([4, 4], 5),
        },
      }),
      { '': 17 },
    ),
  branches: () =>
    modelOf(
      graphOf({
        nodes: [
          node('ReduceMax', ['x'], ['most'], { keepdims: int(0) }, 'most'),
          node('Greater', ['most', 'zero'], ['c'], {}, 'greater'),
          node('If', ['c'], ['y'], { then_branch: branch('t', 'w'), else_branch: branch('e', 'v') }, 'if'),
        ],
        inputs: [row],
        outputs: [y],
        initializers: { zero: float32([], [0]), w: noise([16, 4]), v: noise([16, 4], 2) },
      }),
      { '': 13 },
    ),
  embedding: () =>
    modelOf(
      graphOf({
        nodes: [
          node('Gather', ['table', 'x'], ['g'], {}, 'embed'),
          node('MatMul', ['g', 'w'], ['h'], {}, 'matmul'),
          node('Resize', ['h', '', 'scales'], ['z'], { mode: string('nearest') }, 'resize'),
          node('MatMul', ['z', 'v'], ['y'], {}, 'matmul2'),
        ],
        inputs: [valueInfo('x', 'int64', [1, 3])],
        outputs: [y],
        initializers: {
          table: noise([10, 8]),
          w: noise([8, 4], 2),
          v: noise([4, 4], 3),
          scales: float32([3], [1, 2, 1]),
        },
      }),
      { '': 13 },
    ),
};

function branch(prefix: string, weight: string) {
  return graphAttribute(
    graphOf({
      name: prefix,
      nodes: [
        node('MatMul', ['x', weight], [`${prefix}1`], {}, `${prefix}-product`),
        node('Relu', [`${prefix}1`], [`${prefix}2`], {}, `${prefix}-relu`),
      ],
      outputs: [valueInfo(`${prefix}2`, 'float32')],
    }),
  );
}
