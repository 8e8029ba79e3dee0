/** The oracle of gradients: ONNX Runtime's forward kernels, each input element moved a little both ways. */
import assert from 'node:assert/strict';
import { openSession } from '../../../runtime/engine/session.ts';
import { float32, graphOf, node as makeNode, modelOf, valueInfo } from '../../../runtime/graph/build.ts';
import type { Graph, Node } from '../../../runtime/graph/model.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import { elementCount, type Feeds, type Tensor } from '../../../runtime/graph/tensor.ts';
import { shapesOn } from '../../../runtime/quantize/prepare/run-shapes.ts';
import { gradient } from '../../../runtime/train/gradient/gradient.ts';

export type Case = {
  readonly nodes: readonly Node[];
  /** What gradients are checked of. */
  readonly inputs: Readonly<Record<string, Tensor<'float32'>>>;
  /** Initializers: shapes, axes, pads. */
  readonly constants?: Feeds;
  readonly outputs: readonly string[];
  readonly seed: number;
  readonly opset?: number;
  /** How far elements are moved. */
  readonly step?: number;
  readonly tolerance?: number;
};

/** The loss is Σ r·y with fixed random r, so that no element's gradient hides behind another's. */
export async function assertGradient(each: Case): Promise<void> {
  const { nodes, inputs, constants = {}, outputs, seed, opset = 17 } = each;
  const names = Object.keys(inputs);
  const infos = names.map((name) => valueInfo(name, 'float32', inputs[name]!.dims));
  const forward = graphOf({
    nodes,
    inputs: infos,
    outputs: outputs.map((name) => valueInfo(name, 'float32')),
    initializers: constants,
  });
  const model = modelOf(forward, { '': opset, 'com.microsoft': 1 }, 10);
  const shapes = new Map([
    ...(await shapesOn(model, inputs)),
    ...Object.entries(constants).map(([name, { dims }]) => [name, dims] as const),
  ]);
  const weights = outputs.map((name, i) => noise(shapes.get(name)!, seed + 77 + i));
  const withLoss = addLoss(forward, outputs, weights, shapes);
  const result = gradient(withLoss, 'loss', names, shapes);
  const reached = names.filter((name) => result.gradients.has(name));
  const backward = {
    ...result.graph,
    outputs: reached.map((name) => valueInfo(result.gradients.get(name)!, 'float32')),
  };
  const got = await runOnce(modelOf(backward, { '': opset, 'com.microsoft': 1 }, 10), inputs);
  const expected = await differences(each, modelOf(forward, { '': opset, 'com.microsoft': 1 }, 10), weights);
  for (const name of names) {
    const mine = reached.includes(name) ? got[result.gradients.get(name)!]! : zerosLike(inputs[name]!);
    assert.deepEqual([...mine.dims], [...inputs[name]!.dims], `shape of the gradient of ${name}`);
    assertClose(mine.data as Float32Array, expected.get(name)!, name, each.tolerance ?? 4e-3);
  }
}

function addLoss(
  graph: Graph,
  outputs: readonly string[],
  weights: readonly Tensor<'float32'>[],
  shapes: Map<string, readonly number[]>,
): Graph {
  const terms = outputs.map((name, i) => {
    shapes.set(`r${i}`, weights[i]!.dims).set(`term${i}`, weights[i]!.dims).set(`sum${i}`, []);
    return [
      makeNode('Mul', [name, `r${i}`], [`term${i}`]),
      makeNode('ReduceSum', [`term${i}`], [`sum${i}`], { keepdims: { kind: 'int', value: 0n } }),
    ];
  });
  shapes.set('loss', []);
  const total = makeNode(
    'Sum',
    outputs.map((_, i) => `sum${i}`),
    ['loss'],
  );
  const stored = graphOf({
    nodes: [],
    outputs: [],
    initializers: Object.fromEntries(weights.map((each, i) => [`r${i}`, each])),
  }).initializers;
  return {
    ...graph,
    nodes: [...graph.nodes, ...terms.flat(), total],
    initializers: new Map([...graph.initializers, ...stored]),
  };
}

async function runOnce(model: ReturnType<typeof modelOf>, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await openSession(encodeModel(model), { config: { 'session.disable_quant_qdq': '1' } });
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

/** d(Σ r·y)/dx for each element x, summed in float64. */
async function differences(
  { inputs, outputs, step = 1e-2 }: Case,
  model: ReturnType<typeof modelOf>,
  weights: readonly Tensor<'float32'>[],
): Promise<ReadonlyMap<string, Float64Array>> {
  const session = await openSession(encodeModel(model), { level: 'disabled' });
  const lossAt = async (feeds: Feeds) => {
    const values = await session.run(feeds);
    return outputs.reduce((sum, name, i) => {
      const data = values[name]!.data as Float32Array;
      return sum + data.reduce((part, y, k) => part + y * weights[i]!.data[k]!, 0);
    }, 0);
  };
  try {
    const all = new Map<string, Float64Array>();
    for (const [name, tensor] of Object.entries(inputs)) {
      const slopes = new Float64Array(tensor.data.length);
      for (const index of slopes.keys()) {
        const moved = (by: number) => {
          const data = tensor.data.slice();
          data[index]! += by;
          return { ...inputs, [name]: { ...tensor, data } };
        };
        const [above, below] = [moved(step), moved(-step)];
        const width = above[name]!.data[index]! - below[name]!.data[index]!;
        slopes[index] = ((await lossAt(above)) - (await lossAt(below))) / width;
      }
      all.set(name, slopes);
    }
    return all;
  } finally {
    await session.close();
  }
}

function assertClose(got: Float32Array, expected: Float64Array, name: string, tolerance: number): void {
  const size = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0.1);
  for (const [i, value] of expected.entries())
    assert.ok(
      Math.abs(got[i]! - value) <= tolerance * size,
      `gradient of ${name}[${i}]: expected ${value}, got ${got[i]} (largest ${size})`,
    );
}

function zerosLike({ dims }: Tensor): Tensor<'float32'> {
  return float32(dims, new Array(elementCount(dims)).fill(0));
}

/** Numbers in [-1, 1), the same for a seed. */
export function noise(dims: readonly number[], seed: number): Tensor<'float32'> {
  let state = Math.imul(seed, 2654435761) >>> 0 || 1;
  return float32(
    dims,
    Array.from({ length: elementCount(dims) }, () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 31 - 1;
    }),
  );
}

/** Numbers that are all further apart, and further from zero, than the steps of central differences: no kink lies between. */
export function apart(dims: readonly number[], seed: number, gap = 0.06): Tensor<'float32'> {
  const count = elementCount(dims);
  const order = noise([count], seed).data;
  const ranks = Array.from(order.keys()).sort((a, b) => order[a]! - order[b]!);
  const values = new Float32Array(count);
  for (const [rank, index] of ranks.entries()) values[index] = (rank - Math.floor(count / 2) + 0.37) * gap;
  return { type: 'float32', dims, data: values };
}

/** Numbers in [low, high). */
export function between(dims: readonly number[], low: number, high: number, seed: number): Tensor<'float32'> {
  const { data } = noise(dims, seed);
  return { type: 'float32', dims, data: data.map((value) => low + ((value + 1) / 2) * (high - low)) };
}
