/** Tiny models for the tests of quantisation, and samples to calibrate them with. */
import type { Samples } from '../../../runtime/data/samples.ts';
import { ints } from '../../../runtime/graph/attributes.ts';
import { float32, type GraphParts, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import type { Dim, Model, Node } from '../../../runtime/graph/model.ts';
import type { Tensor } from '../../../runtime/graph/tensor.ts';

/** Numbers in [-1, 1), the same every time. */
export function noise(dims: readonly number[], seed = 1): Tensor<'float32'> {
  const count = dims.reduce((product, size) => product * size, 1);
  let state = seed;
  return float32(
    dims,
    Array.from({ length: count }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 31 - 1;
    }),
  );
}

/** A model from `x` to `y`, both float32. */
export function modelFrom(
  nodes: readonly Node[],
  xDims: readonly Dim[],
  initializers: GraphParts['initializers'] = {},
): Model {
  return modelOf(
    graphOf({ nodes, inputs: [valueInfo('x', 'float32', xDims)], outputs: [valueInfo('y', 'float32')], initializers }),
    { '': 13 },
  );
}

/** A 3x3 convolution that keeps the size of its image. */
export function conv(input: string, output: string, weight = 'w', name = output): Node {
  return node('Conv', [input, weight], [output], { pads: ints([1, 1, 1, 1]) }, name);
}

export function samplesOf(tensors: readonly Tensor[]): Samples {
  return {
    count: tensors.length,
    labels: undefined,
    feeds: async (index) => ({ x: tensors[index] as Tensor }),
    description: `${tensors.length} tensors`,
  };
}

export function noiseSamples(dims: readonly number[], count = 8): Samples {
  return samplesOf(Array.from({ length: count }, (_, i) => noise(dims, i + 1)));
}
