/** Small networks for the tests of the accuracy methods, and what they compare by. */
import { openSession } from '../../../../runtime/engine/session.ts';
import { int, ints } from '../../../../runtime/graph/attributes.ts';
import { float32, node } from '../../../../runtime/graph/build.ts';
import type { Graph, Model } from '../../../../runtime/graph/model.ts';
import { encodeModel } from '../../../../runtime/graph/save.ts';
import type { Tensor } from '../../../../runtime/graph/tensor.ts';
import type { Layer } from '../../../../runtime/quantize/accuracy/layers.ts';
import { modelFrom, noise } from '../small-models.ts';

export async function run(model: Model | Uint8Array, x: Tensor, output = 'y'): Promise<Float32Array> {
  const bytes = model instanceof Uint8Array ? model : encodeModel(model);
  const session = await openSession(bytes, { level: 'disabled' });
  try {
    return (await session.run({ x }))[output]!.data as Float32Array;
  } finally {
    await session.close();
  }
}

export function withGraph(model: Model, graph: Graph): Model {
  return { ...model, graph };
}

/** The largest difference, as a share of the largest value. */
export function relativeError(got: Float32Array, expected: Float32Array): number {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return got.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0) / largest;
}

/** Signal over noise in decibel. */
export function sqnrDb(got: Float32Array, exact: Float32Array): number {
  const power = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
  return 10 * Math.log10(power(exact) / power(got.map((value, i) => value - exact[i]!)));
}

/**
 * Pointwise → Relu → depthwise → Relu → pointwise → average → Flatten → Gemm, on [1, 4, 8, 8].
 * @param spread the middle channels' weights differ by up to this factor, balanced by the layer behind: as after folding a
 * BatchNorm with uneven variances.
 */
export function depthwiseNetwork(spread: number): Model {
  const channels = 8;
  const factor = (channel: number) => spread ** (channel / (channels - 1) - 0.5);
  const scaled = (tensor: Tensor<'float32'>, factorOf: (index: number) => number) =>
    float32(
      tensor.dims,
      tensor.data.map((value, i) => value * factorOf(i)),
    );
  const pad = ints([1, 1, 1, 1]);
  return modelFrom(
    [
      node('Conv', ['x', 'w1', 'b1'], ['a'], {}, 'point'),
      node('Relu', ['a'], ['b'], {}, 'relu1'),
      node('Conv', ['b', 'w2', 'b2'], ['c'], { group: int(channels), pads: pad }, 'depth'),
      node('Relu', ['c'], ['d'], {}, 'relu2'),
      node('Conv', ['d', 'w3'], ['e'], {}, 'mix'),
      node('GlobalAveragePool', ['e'], ['f'], {}, 'pool'),
      node('Flatten', ['f'], ['g'], {}, 'flat'),
      node('Gemm', ['g', 'w4', 'b4'], ['y'], {}, 'last'),
    ],
    [1, 4, 8, 8],
    {
      w1: scaled(noise([channels, 4, 1, 1], 1), (i) => factor(Math.floor(i / 4))),
      b1: scaled(noise([channels], 2), factor),
      // Every channel again the other way round, so that each layer by itself is uneven.
      w2: scaled(noise([channels, 1, 3, 3], 3), (i) => 1 / factor(Math.floor(i / 9)) ** 2),
      b2: scaled(noise([channels], 4), (i) => 1 / factor(i)),
      w3: scaled(noise([6, channels, 1, 1], 5), (i) => factor(i % channels)),
      w4: noise([6, 5], 6),
      b4: noise([5], 7),
    },
  );
}

export function layerNamed(layers: readonly Layer[], name: string): Layer {
  return layers.find(({ node: { name: own } }) => own === name)!;
}
