import assert from 'node:assert/strict';
import { test } from 'node:test';
import { float32, node } from '../../../../runtime/graph/build.ts';
import type { Node } from '../../../../runtime/graph/model.ts';
import { encodeModel } from '../../../../runtime/graph/save.ts';
import { readKernels } from '../../../../runtime/quantize/verify/fused.ts';
import { settle } from '../../../../runtime/quantize/verify/settle.ts';
import { conv, modelFrom, noise } from '../small-models.ts';

const constants = {
  s: float32([], [0.02]),
  z: { type: 'uint8', dims: [], data: Uint8Array.of(100) } as const,
  ws: float32([], [0.01]),
  wz: { type: 'int8', dims: [], data: Int8Array.of(0) } as const,
  wq: { type: 'int8', dims: [4, 4, 3, 3], data: Int8Array.from(noise([4, 4, 3, 3]).data, (x) => x * 127) } as const,
};

function pair(value: string): Node[] {
  return [
    node('QuantizeLinear', [value, 's', 'z'], [`${value}_q`]),
    node('DequantizeLinear', [`${value}_q`, 's', 'z'], [`${value}_dq`]),
  ];
}

const weights = node('DequantizeLinear', ['wq', 'ws', 'wz'], ['w']);
const mark = new Map([['conv', { value: 'a_q', isQuantized: true }]]);

test('a convolution between pairs is seen to run as QLinearConv', async () => {
  const nodes = [weights, ...pair('x'), conv('x_dq', 'a'), ...pair('a'), node('Neg', ['a_dq'], ['y'])];
  const model = modelFrom(nodes, [1, 4, 8, 8], constants);
  const kernels = await readKernels(encodeModel(model), model.graph, mark);
  assert.deepEqual(kernels.get('conv'), { opType: 'QLinearConv', isInteger: true });
});

test('a convolution whose output somebody reads in float is seen not to fuse', async () => {
  const nodes = [weights, ...pair('x'), conv('x_dq', 'a'), ...pair('a'), node('Add', ['a', 'a_dq'], ['y'])];
  const model = modelFrom(nodes, [1, 4, 8, 8], constants);
  const kernels = await readKernels(encodeModel(model), model.graph, mark);
  assert.deepEqual(kernels.get('conv'), { opType: 'QuantizeLinear', isInteger: false });
});

test('what did not fuse is taken back and tried without, with what computes it as the reason', async () => {
  const plain = modelFrom([conv('x', 'a', 'f'), node('Add', ['a', 'a'], ['y'])], [1, 4, 8, 8], {
    f: noise([4, 4, 3, 3]),
  });
  const [first] = plain.graph.nodes as [Node];
  const broken = modelFrom(
    [weights, ...pair('x'), conv('x_dq', 'a'), ...pair('a'), node('Add', ['a', 'a_dq'], ['y'])],
    [1, 4, 8, 8],
    constants,
  );
  const tried: string[][] = [];
  const result = await settle(plain, (takenBack) => {
    tried.push([...takenBack.keys()]);
    return takenBack.size === 0
      ? { model: broken, marks: mark, unitOf: new Map([[first, 'conv']]), floats: new Map() }
      : { model: plain, marks: new Map(), unitOf: new Map(), floats: new Map([[first, takenBack.get('conv')!]]) };
  });
  assert.deepEqual(tried, [[], ['conv']]);
  assert.equal(result.ok, false);
  assert.deepEqual(result.outcomes, [
    { node: 'a', opType: 'Conv', reason: 'ONNX Runtime did not fuse it (QuantizeLinear computes its output)' },
  ]);
});
