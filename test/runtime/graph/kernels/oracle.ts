/**
 * ONNX Runtime as the oracle of one node. Every node runs alone, on one thread, at level `disabled`, so that its own kernel
 * answers and no fusion. The first input is fed, the others are initializers, as in a real model.
 *
 * Products of uint8 with int8 are exact on processors with VNNI or dot-product instructions, and on ARM. An older x86 adds
 * pairs of products in int16 and saturates; there the tests of full-range weights would fail, as ONNX Runtime itself is wrong.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { openSession } from '../../../../runtime/engine/session.ts';
import { graphOf, modelOf, valueInfo } from '../../../../runtime/graph/build.ts';
import { type IntegerType, integerRanges } from '../../../../runtime/graph/integers.ts';
import { runNode } from '../../../../runtime/graph/kernels/kernels.ts';
import type { Node } from '../../../../runtime/graph/model.ts';
import { encodeModel } from '../../../../runtime/graph/save.ts';
import {
  type ElementType,
  elementCount,
  elementTypes,
  type Feeds,
  type Tensor,
} from '../../../../runtime/graph/tensor.ts';

/** A node, what goes in by name, and what type comes out. */
export type Case = {
  readonly node: Node;
  readonly values: Feeds;
  readonly outputs: readonly ElementType[];
  /** Default 17. */
  readonly opset?: number;
};

/** Both answers by output name. */
export async function runBoth({
  node,
  values,
  outputs,
  opset = 17,
}: Case): Promise<{ expected: Feeds; actual: Feeds }> {
  const fed = node.inputs.find((name) => name !== '')!;
  const { [fed]: first, ...constants } = values;
  const graph = graphOf({
    nodes: [node],
    inputs: [valueInfo(fed, first!.type, first!.dims)],
    outputs: node.outputs.map((name, i) => valueInfo(name, outputs[i]!)),
    initializers: constants,
  });
  const model = modelOf(graph, { '': opset, 'com.microsoft': 1 }, 10);
  const session = await openSession(encodeModel(model), { level: 'disabled', threads: 1 });
  try {
    return { expected: await session.run({ [fed]: first! }), actual: runNode(node, values) };
  } finally {
    await session.close();
  }
}

/** Shape, type and every bit. */
export async function assertSameBits(each: Case): Promise<void> {
  const { expected, actual } = await runBoth(each);
  for (const name of each.node.outputs) assert.deepEqual(plain(actual[name]!), plain(expected[name]!), name);
}

/**
 * Equal, or one step apart where the exact result lies within `tolerance` steps of a tie: there the last bit of a float32
 * intermediate decides, and ONNX Runtime's kernels for different processors disagree among themselves.
 * @param exact the first output before rounding, in steps, computed in float64.
 */
export async function assertSameButForTies(
  each: Case,
  exact: (index: number) => number,
  tolerance: number,
): Promise<void> {
  const { expected, actual } = await runBoth(each);
  const [name] = each.node.outputs;
  const [mine, theirs] = [plain(actual[name!]!), plain(expected[name!]!)];
  assert.deepEqual({ ...mine, data: [] }, { ...theirs, data: [] });
  for (const [i, value] of mine.data.entries()) {
    if (value === theirs.data[i]) continue;
    const fraction = exact(i) - Math.floor(exact(i));
    const isTie = Math.abs(fraction - 0.5) <= tolerance && Math.abs(Number(value) - Number(theirs.data[i])) === 1;
    assert.ok(isTie, `element ${i}: expected ${theirs.data[i]}, got ${value} (exactly ${exact(i)})`);
  }
}

function plain({ type, dims, data }: Tensor): { type: ElementType; dims: number[]; data: (number | bigint)[] } {
  return { type, dims: [...dims], data: Array.from<number | bigint>(data) };
}

/** Integers over the whole range of the type, its two ends more often than chance would have it. */
export function integers<T extends IntegerType>(type: T, dims: readonly number[], seed: number): Tensor<T> {
  const { min, max } = integerRanges[type];
  const next = random(seed);
  const data = new elementTypes[type].array(elementCount(dims));
  for (let i = 0; i < data.length; i++) {
    const draw = next() * 1.2 - 0.1;
    data[i] = draw < 0 ? min : draw > 1 ? max : Math.floor(min + draw * (max - min + 1));
  }
  return { type, dims, data } as Tensor<T>;
}

/** Numbers in [-size, size). */
export function floats(dims: readonly number[], size: number, seed: number): Tensor<'float32'> {
  const next = random(seed);
  return {
    type: 'float32',
    dims,
    data: Float32Array.from({ length: elementCount(dims) }, () => (next() * 2 - 1) * size),
  };
}

export function scalar<T extends ElementType>(type: T, value: number): Tensor<T> {
  const data = new elementTypes[type].array(1);
  data[0] = value;
  return { type, dims: [], data } as unknown as Tensor<T>;
}

export function vector<T extends ElementType>(type: T, values: readonly number[]): Tensor<T> {
  const data = new elementTypes[type].array(values.length);
  for (const [i, value] of values.entries()) data[i] = value;
  return { type, dims: [values.length], data } as unknown as Tensor<T>;
}

export const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });
export const signs = fc.constantFrom('uint8' as const, 'int8' as const);

/** Scales over four decades; powers of two among them, which make exact ties. */
export const scales = fc
  .oneof(
    fc.integer({ min: -8, max: 2 }).map((exponent) => 2 ** exponent),
    fc.double({ min: 1e-3, max: 4, noNaN: true }),
  )
  .map(Math.fround);

/** A zero point of the type: its ends, its middle, anything. */
export function zeroPoints(type: IntegerType): fc.Arbitrary<number> {
  const { min, max } = integerRanges[type];
  return fc.oneof(fc.constantFrom(min, (min + max + 1) / 2, max), fc.integer({ min, max }));
}

/** Why full-range products of uint8 and int8 cannot be compared on this machine; false where they can. */
export const needsExactProducts: string | false =
  process.arch !== 'x64' || /\b(avx512_vnni|avx_vnni)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
    ? false
    : 'needs VNNI: this processor saturates sums of uint8·int8 products in int16';

/** Marsaglia's xorshift32: in [0, 1), the same for a seed. */
export function random(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
