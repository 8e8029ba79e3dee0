import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optimizeModel } from '../../../../runtime/engine/optimize.ts';
import { int, ints } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { constantTensor } from '../../../../runtime/graph/initializer.ts';
import type { Tensor } from '../../../../runtime/graph/tensor.ts';
import { build, kernelsOf } from '../built.ts';
import { conv, modelFrom, noise, noiseSamples } from '../small-models.ts';

const image = [1, 4, 8, 8];
/** One weight so large that one int8 scale leaves the others nothing. */
const uneven = (dims: readonly number[]): Tensor<'float32'> => {
  const tensor = noise(dims, 5);
  tensor.data[0] = 300;
  return tensor;
};

const middles = {
  Conv: modelFrom([conv('x', 'a'), conv('a', 'b', 'v'), conv('b', 'y', 'u')], image, {
    w: noise([4, 4, 3, 3]),
    v: uneven([4, 4, 3, 3]),
    u: noise([2, 4, 3, 3], 9),
  }),
  ConvTranspose: modelFrom(
    [
      conv('x', 'a'),
      node('ConvTranspose', ['a', 'v', 'c'], ['b'], { strides: ints([2, 2]) }, 'b'),
      conv('b', 'y', 'u'),
    ],
    image,
    { w: noise([4, 4, 3, 3]), v: uneven([4, 4, 2, 2]), c: noise([4], 3), u: noise([2, 4, 3, 3], 9) },
  ),
  Gemm: modelFrom(
    [
      node('Gemm', ['x', 'w', 'c'], ['a'], { transB: int(1) }, 'a'),
      node('Gemm', ['a', 'v', 'c'], ['b'], { transB: int(1) }, 'b'),
      node('Gemm', ['b', 'u', 'c'], ['y'], {}, 'y'),
    ],
    [1, 4],
    { w: noise([4, 4]), v: uneven([4, 4]), u: noise([4, 4], 9), c: noise([4], 3) },
  ),
} as const;

for (const [opType, model] of Object.entries(middles))
  for (const format of ['qdq', 'qoperator'])
    test(`a ${opType} that is excluded between int8 neighbours really stays float (${format})`, async () => {
      const dims = opType === 'Gemm' ? [1, 4] : image;
      const samples = noiseSamples(dims);
      const built = await build(model, { kind: 'static', format, exclude: ['b'] }, samples);
      assert.deepEqual(Object.values(kernelsOf(built)).filter((kernel) => kernel === 'float').length, 1);
      const { graph } = await optimizeModel(built.bytes, 'extended');
      const floats = graph.nodes.filter((each) => each.opType === opType);
      assert.equal(floats.length, 1);
      assert.equal(constantTensor(graph, floats[0]!.inputs[1]!)?.type, 'float32');
      assert.equal(constantTensor(graph, floats[0]!.inputs[1]!)?.data[0], 300);
    });
