/** A small network with convolutions, and samples that its own float form labels. */
import type { Samples } from '../../../runtime/data/samples.ts';
import { openModel } from '../../../runtime/engine/open-model.ts';
import { int, ints } from '../../../runtime/graph/attributes.ts';
import { graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { constantTensor } from '../../../runtime/graph/initializer.ts';
import type { Model } from '../../../runtime/graph/model.ts';
import type { Tensor } from '../../../runtime/graph/tensor.ts';
import { fineTune } from '../../../runtime/train/fine-tune.ts';
import { findParameters } from '../../../runtime/train/step/parameters.ts';
import { withWeights } from '../../../runtime/train/with-weights.ts';
import { noise } from './central-differences.ts';

/** [n, 1, 8, 8] → [n, 4]: dense, depthwise and pointwise convolutions, a pool and a matrix. */
export function smallNetwork(seed = 1): Model {
  const scaled = (dims: readonly number[], s: number) => {
    const { data } = noise(dims, seed * 31 + s);
    const fan = dims.slice(1).reduce((a, b) => a * b, 1);
    return { type: 'float32', dims, data: data.map((v) => v * Math.sqrt(3 / fan)) } as const;
  };
  return modelOf(
    graphOf({
      nodes: [
        node('Conv', ['x', 'w1', 'b1'], ['c1'], { pads: ints([1, 1, 1, 1]) }, 'c1'),
        node('Relu', ['c1'], ['r1'], {}, 'r1'),
        node(
          'Conv',
          ['r1', 'w2', 'b2'],
          ['c2'],
          { pads: ints([1, 1, 1, 1]), strides: ints([2, 2]), group: int(8) },
          'c2',
        ),
        node('Relu', ['c2'], ['r2'], {}, 'r2'),
        node('Conv', ['r2', 'w3', 'b3'], ['c3'], {}, 'c3'),
        node('Relu', ['c3'], ['r3'], {}, 'r3'),
        node('GlobalAveragePool', ['r3'], ['p'], {}, 'p'),
        node('Flatten', ['p'], ['f'], {}, 'f'),
        node('Gemm', ['f', 'w4', 'b4'], ['y'], { transB: int(1) }, 'g'),
      ],
      inputs: [valueInfo('x', 'float32', ['n', 1, 8, 8])],
      outputs: [valueInfo('y', 'float32', ['n', 4])],
      initializers: {
        w1: scaled([8, 1, 3, 3], 1),
        b1: scaled([8], 2),
        w2: scaled([8, 1, 3, 3], 3),
        b2: scaled([8], 4),
        w3: scaled([16, 8, 1, 1], 5),
        b3: scaled([16], 6),
        w4: { ...scaled([4, 16], 7), data: scaled([4, 16], 7).data.map((v) => v * 4) },
        b4: scaled([4], 8),
      },
    }),
    { '': 17 },
  );
}

/** Stripes down, stripes across, a chequerboard or nothing, shifted, in noise; labelled 0 to 3. */
export function images(count: number, from = 0): Samples {
  const patterns = [
    (_: number, x: number) => x % 2,
    (y: number) => y % 2,
    (y: number, x: number) => (x + y) % 2,
    () => 0,
  ];
  const image = (index: number) => {
    const { dims, data } = noise([1, 1, 8, 8], index + 1000);
    const [pattern, shift] = [patterns[index % 4]!, index >> 2];
    return { type: 'float32', dims, data: data.map((v, i) => v + pattern((i >> 3) + shift, i + shift) - 0.5) } as const;
  };
  return {
    count,
    labels: Array.from({ length: count }, (_, index) => (index + from) % 4),
    feeds: async (index) => ({ x: image(index + from) }),
    description: `${count} images`,
  };
}

export function withoutLabels(samples: Samples): Samples {
  return { ...samples, labels: undefined };
}

/** The small network as the images taught it. */
export async function taughtNetwork(): Promise<Model> {
  const options = { task: 'classify', steps: 200, batchSize: 32, learningRate: 2e-2 } as const;
  const { weights } = await fineTune(smallNetwork(), images(256), options);
  return withWeights(smallNetwork(), weights);
}

/** Mean squared difference of two models' outputs. */
export async function distance(a: Model, b: Model, samples: Samples): Promise<number> {
  const [first, second] = [await openModel(a, unfused), await openModel(b, unfused)];
  let sum = 0;
  for (let index = 0; index < samples.count; index++) {
    const feeds = await samples.feeds(index);
    const [p, q] = [(await first.run(feeds)).y!.data, (await second.run(feeds)).y!.data] as [
      Float32Array,
      Float32Array,
    ];
    sum += p.reduce((part, value, i) => part + (value - q[i]!) ** 2, 0) / p.length;
  }
  await first.close();
  await second.close();
  return sum / samples.count;
}

/** Pairs of a simulation are computed as they are written. */
const unfused = { config: { 'session.disable_quant_qdq': '1' } };

/** With the class that the model gives. */
async function labelled(samples: Samples, model: Model): Promise<Samples> {
  const session = await openModel(model, unfused);
  const labels: number[] = [];
  for (let index = 0; index < samples.count; index++) {
    const { y } = await session.run(await samples.feeds(index));
    labels.push(largest(y!.data as Float32Array));
  }
  await session.close();
  return { ...samples, labels };
}

/** Share of samples whose label the model gives. */
export async function accuracy(model: Model, samples: Samples): Promise<number> {
  const { labels } = await labelled(samples, model);
  return labels!.filter((label, i) => label === samples.labels![i]).length / samples.count;
}

/** Every weight changed by up to so much of itself. */
export function disturbed(model: Model, share: number): Model {
  const changed = findParameters(model.graph).map(({ name }, k) => {
    const { dims, data } = constantTensor(model.graph, name) as Tensor<'float32'>;
    const other = noise(dims, k + 5).data;
    return [name, { type: 'float32', dims, data: data.map((v, i) => v * (1 + share * other[i]!)) }] as const;
  });
  return withWeights(model, new Map(changed));
}

function largest(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}
