/**
 * Random small networks in which every way of coupling channels occurs. All values are small multiples of a power of two, clipped
 * after each layer, so that sums are exact in any order and two forms of a network can be compared bit by bit.
 */
import fc from 'fast-check';
import { int, ints, string } from '../../../../runtime/graph/attributes.ts';
import { float32, graphOf, int64, modelOf, node, valueInfo } from '../../../../runtime/graph/build.ts';
import type { Model, Node } from '../../../../runtime/graph/model.ts';
import { elementCount, type Tensor } from '../../../../runtime/graph/tensor.ts';

/** A value [1, channels, size, size], or [1, channels, size] where `rank` is 3. */
type Value = { readonly name: string; readonly channels: number; readonly size: number };

/** Adds nodes and gives the value that the next step goes on with. */
type Step = (build: Build, x: Value) => Value;

export const stepNames = [
  ...['conv', 'grouped', 'depthwise', 'multiplied', 'normalised', 'residual', 'branches', 'cut', 'sliced', 'shuffled'],
  ...['picked', 'padded', 'channelsLast', 'gated', 'enlarged', 'pooled', 'transposed', 'tiled', 'shared'],
] as const;

export type NetworkPlan = {
  readonly rank: 3 | 4;
  readonly steps: readonly (typeof stepNames)[number][];
  readonly head: (typeof headNames)[number];
  readonly seed: number;
};

const headNames = ['pool', 'flatten', 'reshape', 'matmul'] as const;

export const networkPlans: fc.Arbitrary<NetworkPlan> = fc.record({
  rank: fc.constantFrom(3, 4),
  steps: fc.array(fc.constantFrom(...stepNames), { minLength: 1, maxLength: 5 }),
  head: fc.constantFrom(...headNames),
  seed: fc.nat(),
});

export function networkOf({ rank, steps, head, seed }: NetworkPlan): Model {
  const build = new Build(rank, seed);
  let value: Value = stepTable.conv(build, { name: 'x', channels: 2, size: 4 });
  for (const step of steps) value = stepTable[step](build, value);
  heads[head](build, value);
  const dims = [1, 2, ...new Array<number>(rank - 2).fill(4)];
  return modelOf(
    graphOf({
      nodes: build.nodes,
      inputs: [valueInfo('x', 'float32', dims)],
      outputs: [valueInfo('y', 'float32')],
      initializers: build.initializers,
    }),
  );
}

/** An input of whole numbers. */
export function wholeInput(dims: readonly number[], seed: number): Tensor<'float32'> {
  return float32(dims, wholeNumbers(elementCount(dims), seed, 2));
}

class Build {
  readonly nodes: Node[] = [];
  readonly initializers: Record<string, Tensor> = {};
  readonly rank: number;
  #seed: number;

  constructor(rank: number, seed: number) {
    this.rank = rank;
    this.#seed = seed;
  }

  /** 1 to `most`. */
  count(most: number): number {
    return 1 + (this.#next() % most);
  }

  weight(dims: readonly number[], most = 1): string {
    return this.constant(float32(dims, wholeNumbers(elementCount(dims), this.#next(), most)));
  }

  constant(tensor: Tensor): string {
    const name = `w${Object.keys(this.initializers).length}`;
    this.initializers[name] = tensor;
    return name;
  }

  add(opType: string, inputs: readonly string[], attributes: Parameters<typeof node>[3] = {}, outputs = 1): string[] {
    const at = this.nodes.length;
    const names = Array.from({ length: outputs }, (_, index) => `v${at}_${index}`);
    this.nodes.push(node(opType, inputs, names, attributes, `n${at}`));
    return names;
  }

  one(opType: string, inputs: readonly string[], attributes: Parameters<typeof node>[3] = {}): string {
    return this.add(opType, inputs, attributes)[0]!;
  }

  /** `n` for each axis of space. */
  spatial(n: number): number[] {
    return new Array<number>(this.rank - 2).fill(n);
  }

  clip(name: string): string {
    return this.one('Clip', [name, this.constant(float32([], [-4])), this.constant(float32([], [4]))]);
  }

  conv(x: Value, channels: number, group = 1, kernel = this.count(2) === 1 ? 1 : 3): Value {
    const weight = this.weight([channels, x.channels / group, ...this.spatial(kernel)]);
    const pad = (kernel - 1) / 2;
    const attributes = { group: int(group), pads: ints([...this.spatial(pad), ...this.spatial(pad)]) };
    const name = this.clip(this.one('Conv', [x.name, weight, this.weight([channels])], attributes));
    return { name, channels, size: x.size };
  }

  #next(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed >>> 8;
  }
}

function wholeNumbers(count: number, seed: number, most: number): number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 8) % (2 * most + 1)) - most;
  });
}

const stepTable: Readonly<Record<(typeof stepNames)[number], Step>> = {
  conv: (build, x) => build.conv(x, 1 + build.count(6)),
  grouped: (build, x) => {
    const even = build.conv(x, 2 * build.count(3));
    return build.conv(even, 2 * build.count(3), 2);
  },
  depthwise: (build, x) => build.conv(x, x.channels, x.channels, 3),
  multiplied: (build, x) => build.conv(x, 2 * x.channels, x.channels, 3),
  normalised(build, x) {
    const ones = build.constant(float32([x.channels], new Array<number>(x.channels).fill(1)));
    const zeros = build.constant(float32([x.channels], new Array<number>(x.channels).fill(0)));
    const name = build.one('BatchNormalization', [
      x.name,
      build.weight([x.channels]),
      build.weight([x.channels]),
      zeros,
      ones,
    ]);
    return { ...x, name: build.one('Relu', [build.clip(name)]) };
  },
  residual(build, x) {
    const inner = build.conv(build.conv(x, build.count(5)), x.channels);
    return { ...x, name: build.clip(build.one('Add', [inner.name, x.name])) };
  },
  branches(build, x) {
    const parts = [build.conv(x, build.count(4)), build.conv(x, build.count(4)), x];
    const name = build.one(
      'Concat',
      parts.map((part) => part.name),
      { axis: int(1) },
    );
    return { ...x, name, channels: parts.reduce((sum, { channels }) => sum + channels, 0) };
  },
  cut(build, x) {
    const even = build.conv(x, 2 * build.count(3));
    const half = even.channels / 2;
    const [left = '', right = ''] = build.add('Split', [even.name], { axis: int(1) }, 2);
    const changed = build.conv({ name: left, channels: half, size: x.size }, build.count(4));
    const name = build.one('Concat', [changed.name, right], { axis: int(1 - build.rank) });
    return { ...x, name, channels: changed.channels + half };
  },
  sliced(build, x) {
    const wide = build.conv(x, 3 + build.count(3));
    const [starts, ends, axes] = [[1], [wide.channels - 1], [1]].map((values) => build.constant(int64([1], values)));
    const name = build.one('Slice', [wide.name, starts!, ends!, axes!]);
    const cut = { name, channels: wide.channels - 2, size: x.size };
    return build.conv({ ...cut, name: build.one('Relu', [name]) }, build.count(4));
  },
  shuffled(build, x) {
    const even = build.conv(x, 2 * build.count(3));
    const half = even.channels / 2;
    const sizes = build.spatial(x.size);
    const apart = build.one('Reshape', [even.name, build.constant(int64([build.rank + 1], [0, 2, half, ...sizes]))]);
    const order = [0, 2, 1, ...sizes.map((_, at) => 3 + at)];
    const turned = build.one('Transpose', [apart], { perm: ints(order) });
    const together = build.constant(int64([build.rank], [1, even.channels, ...sizes]));
    return { ...even, name: build.one('Reshape', [turned, together]) };
  },
  picked(build, x) {
    const order = Array.from({ length: x.channels }, (_, at) => x.channels - 1 - at);
    return { ...x, name: build.one('Gather', [x.name, build.constant(int64([x.channels], order))], { axis: int(1) }) };
  },
  padded(build, x) {
    const none = build.spatial(0);
    const pads = build.constant(int64([2 * build.rank], [0, 1, ...none, 0, 2, ...none]));
    return build.conv({ ...x, name: build.one('Pad', [x.name, pads]), channels: x.channels + 3 }, build.count(4));
  },
  channelsLast(build, x) {
    const space = build.spatial(0).map((_, at) => at);
    const last = build.one('Transpose', [x.name], { perm: ints([0, ...space.map((at) => at + 2), 1]) });
    const added = build.one('Add', [last, build.weight([x.channels])]);
    const name = build.one('Transpose', [added], { perm: ints([0, build.rank - 1, ...space.map((at) => at + 1)]) });
    return { ...x, name: build.clip(name) };
  },
  gated(build, x) {
    const means = { name: build.one('GlobalAveragePool', [x.name]), channels: x.channels, size: 1 };
    const gate = build.conv(build.conv(means, build.count(3), 1, 1), x.channels, 1, 1);
    return { ...x, name: build.clip(build.one('Mul', [x.name, gate.name])) };
  },
  enlarged(build, x) {
    if (x.size > 4) return build.conv(x, build.count(4));
    const scales = build.constant(float32([build.rank], [1, 1, ...build.spatial(2)]));
    const name = build.one('Resize', [x.name, '', scales], { mode: string('nearest') });
    return { ...x, name, size: 2 * x.size };
  },
  pooled(build, x) {
    if (x.size < 2) return build.conv(x, build.count(4));
    const attributes = { kernel_shape: ints(build.spatial(2)), strides: ints(build.spatial(2)) };
    const kind = build.count(2) === 1 ? 'MaxPool' : 'AveragePool';
    return { ...x, name: build.one(kind, [x.name], attributes), size: x.size / 2 };
  },
  transposed(build, x) {
    const group = build.count(2) === 1 ? 1 : x.channels;
    const channels = group === 1 ? build.count(4) : x.channels;
    const weight = build.weight([x.channels, channels / group, ...build.spatial(1)]);
    const name = build.one('ConvTranspose', [x.name, weight, build.weight([channels])], { group: int(group) });
    return { ...x, name: build.clip(name), channels };
  },
  tiled(build, x) {
    const repeats = build.constant(int64([build.rank], [1, 2, ...build.spatial(1)]));
    return build.conv({ ...x, name: build.one('Tile', [x.name, repeats]), channels: 2 * x.channels }, build.count(4));
  },
  shared(build, x) {
    const weight = build.weight([x.channels, x.channels, ...build.spatial(1)]);
    const once = build.clip(build.one('Conv', [x.name, weight]));
    return { ...x, name: build.clip(build.one('Conv', [build.one('Relu', [once]), weight])) };
  },
};

const heads: Readonly<Record<(typeof headNames)[number], (build: Build, x: Value) => void>> = {
  pool(build, x) {
    const pooled = build.one('Flatten', [build.one('GlobalAveragePool', [x.name])]);
    finish(build, [pooled, build.weight([3, x.channels]), build.weight([3])]);
  },
  flatten(build, x) {
    const flat = build.one('Flatten', [x.name]);
    finish(build, [flat, build.weight([3, x.channels * x.size ** (build.rank - 2)])]);
  },
  reshape(build, x) {
    const size = x.channels * x.size ** (build.rank - 2);
    const shape = build.constant(int64([2], build.count(2) === 1 ? [1, size] : [-1, size]));
    finish(build, [build.one('Reshape', [x.name, shape]), build.weight([3, size])]);
  },
  matmul(build, x) {
    const space = build.spatial(0).map((_, at) => at);
    const last = build.one('Transpose', [x.name], { perm: ints([0, ...space.map((at) => at + 2), 1]) });
    const hidden = build.one('MatMul', [last, build.weight([x.channels, 5])]);
    const shifted = build.clip(build.one('Add', [hidden, build.weight([5])]));
    build.nodes.push(node('MatMul', [shifted, build.weight([5, 3])], ['y'], {}, 'last'));
  },
};

function finish(build: Build, inputs: readonly string[]): void {
  build.nodes.push(node('Gemm', inputs, ['y'], { transB: int(1) }, 'last'));
}
