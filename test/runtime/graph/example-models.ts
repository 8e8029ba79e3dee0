/** Small models that several graph and engine tests use. */
import { float, graph, int, tensor } from '../../../runtime/graph/attributes.ts';
import { float32, graphOf, int64, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { storeTensor } from '../../../runtime/graph/initializer.ts';
import type { Model } from '../../../runtime/graph/model.ts';

/** y = Relu(x · w + c), x [batch, 3], y [batch, 2]. */
export function denseModel(opset = 17): Model {
  return modelOf(
    graphOf({
      name: 'dense',
      inputs: [valueInfo('x', 'float32', ['batch', 3])],
      outputs: [valueInfo('y', 'float32', ['batch', 2])],
      initializers: { w: float32([3, 2], [1, 2, 3, 4, 5, 6]), c: float32([2], [0.5, -20]) },
      nodes: [
        node('MatMul', ['x', 'w'], ['xw'], {}, 'product'),
        node('Add', ['xw', 'c'], ['sum'], {}, 'bias'),
        node('Relu', ['sum'], ['y'], {}, 'activation'),
      ],
    }),
    { '': opset },
  );
}

/** y = sum(x) > 0 ? 2·x : x − limit; both bodies use values of the main graph. */
export function branchingModel(): Model {
  const body = (name: string, opType: string, other: string) =>
    graphOf({
      name,
      nodes: [node('Identity', ['x'], [`${name}_x`]), node(opType, [`${name}_x`, other], [`${name}_y`])],
      outputs: [valueInfo(`${name}_y`, 'float32', [2])],
    });
  return modelOf(
    graphOf({
      name: 'branching',
      inputs: [valueInfo('x', 'float32', [2])],
      outputs: [valueInfo('y', 'float32', [2])],
      initializers: { zero: float32([], [0]), two: float32([], [2]) },
      nodes: [
        node('Constant', [], ['limit'], { value: tensor(storeTensor('', float32([2], [10, 20]))) }),
        node('ReduceSum', ['x'], ['total'], { keepdims: int(0) }),
        node('Greater', ['total', 'zero'], ['isPositive']),
        node(
          'If',
          ['isPositive'],
          ['y'],
          { then_branch: graph(body('then', 'Mul', 'two')), else_branch: graph(body('else', 'Sub', 'limit')) },
          'choice',
        ),
      ],
    }),
  );
}

/** y = LeakyRelu(Reshape(x)), the shape from a `Constant` node with `value_ints`' elder, a tensor. */
export function constantModel(): Model {
  return modelOf(
    graphOf({
      name: 'constant',
      inputs: [valueInfo('x', 'float32', [2, 3])],
      outputs: [valueInfo('y', 'float32', [3, 2])],
      nodes: [
        node('Constant', [], ['shape'], { value: tensor(storeTensor('', int64([2], [3, 2]))) }, 'shape'),
        node('Reshape', ['x', 'shape'], ['reshaped']),
        node('LeakyRelu', ['reshaped'], ['y'], { alpha: float(0.25) }),
      ],
    }),
  );
}
