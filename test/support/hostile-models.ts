/** Small real models that do to ONNX Runtime what must not take Octet along. All take `x` float32 [1, 4, 1, 16] and give `y`. */
import { graph as body, int, ints } from '../../runtime/graph/attributes.ts';
import { float32, graphOf, int64, modelOf, node, valueInfo } from '../../runtime/graph/build.ts';
import type { Model, Node } from '../../runtime/graph/model.ts';
import type { Tensor } from '../../runtime/graph/tensor.ts';

const inputDims = [1, 4, 1, 16];

function modelFrom(nodes: readonly Node[], initializers: Record<string, Tensor>): Model {
  const inputs = [valueInfo('x', 'float32', inputDims)];
  return modelOf(graphOf({ nodes, inputs, outputs: [valueInfo('y', 'float32')], initializers }));
}

const scalar = (type: 'float32' | 'uint8' | 'int8', value: number): Tensor => {
  const data = { float32: Float32Array, uint8: Uint8Array, int8: Int8Array }[type].of(value);
  return { type, dims: [], data } as Tensor;
};
const yes: Tensor = { type: 'bool', dims: [], data: Uint8Array.of(1) };

/**
 * An int8 convolution whose output, squeezed, is read inside an If: while it moves the layout past Squeeze, ONNX Runtime
 * 1.30 looks for the value among the If's own inputs, where it is not, and aborts on an assertion.
 */
export function crashingModel(): Model {
  const branch = (opType: string, output: string) =>
    body(graphOf({ nodes: [node(opType, ['s'], [output])], outputs: [valueInfo(output, 'float32')] }));
  const pair = (from: string, to: string) => [
    node('QuantizeLinear', [from, 'scale', 'zero'], [`${to}_q`]),
    node('DequantizeLinear', [`${to}_q`, 'scale', 'zero'], [to]),
  ];
  return modelFrom(
    [
      ...pair('x', 'a'),
      node('DequantizeLinear', ['w', 'w_scale', 'w_zero'], ['w_float']),
      node('Conv', ['a', 'w_float'], ['c'], { pads: ints([0, 1, 0, 1]) }),
      ...pair('c', 'd'),
      node('Squeeze', ['d', 'axes'], ['s']),
      node('ReduceSum', ['x'], ['sum'], { keepdims: int(0) }),
      node('Cast', ['sum'], ['condition'], { to: int(9) }),
      node('If', ['condition'], ['y'], { then_branch: branch('Relu', 't'), else_branch: branch('Identity', 'e') }),
    ],
    {
      ...{ scale: scalar('float32', 0.02), zero: scalar('uint8', 128) },
      ...{ w_scale: scalar('float32', 0.01), w_zero: scalar('int8', 0) },
      w: { type: 'int8', dims: [4, 4, 1, 3], data: Int8Array.from({ length: 48 }, (_, at) => at - 24) },
      axes: int64([1], [2]),
    },
  );
}

/** A Loop whose condition stays true. */
export function endlessModel(): Model {
  const loop = graphOf({
    nodes: [node('Identity', ['go'], ['go_on']), node('Add', ['state', 'one'], ['next'])],
    inputs: [valueInfo('turn', 'int64', []), valueInfo('go', 'bool', []), valueInfo('state', 'float32', inputDims)],
    outputs: [valueInfo('go_on', 'bool', []), valueInfo('next', 'float32', inputDims)],
    initializers: { one: float32([1], [1]) },
  });
  return modelFrom([node('Loop', ['', 'yes', 'x'], ['y'], { body: body(loop) })], { yes });
}

/** Adds the input to a tensor of so many bytes. */
export function greedyModel(bytes: number): Model {
  const sum = (from: string, to: string) => node('ReduceSum', [from], [to], { keepdims: int(0) });
  return modelFrom(
    [
      sum('x', 'r'),
      node('ConstantOfShape', ['size'], ['zeros']),
      node('Add', ['zeros', 'r'], ['large']),
      sum('large', 'y'),
    ],
    { size: int64([1], [bytes / 4]) },
  );
}

/** As many outputs as 64 random numbers happen to be above one half. */
export function changingModel(): Model {
  return modelFrom(
    [
      node('RandomUniformLike', ['x'], ['u']),
      node('Greater', ['u', 'half'], ['above']),
      node('Reshape', ['above', 'flat'], ['chosen']),
      node('Compress', ['x', 'chosen'], ['y']),
    ],
    { half: float32([1], [0.5]), flat: int64([1], [-1]) },
  );
}

/** Nothing is wrong with it: four classes. */
export function harmlessModel(): Model {
  const weights = Array.from({ length: 256 }, (_, at) => Math.sin(at));
  return modelFrom([node('Flatten', ['x'], ['flat']), node('MatMul', ['flat', 'w'], ['y'])], {
    w: float32([64, 4], weights),
  });
}
