/** Oracle: ONNX Runtime; every bit must be equal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { int } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import type { IntegerType } from '../../../../runtime/graph/integers.ts';
import { runNode } from '../../../../runtime/graph/kernels/kernels.ts';
import { dequantize, quantize } from '../../../../runtime/graph/quantized-tensor.ts';
import type { Tensor } from '../../../../runtime/graph/tensor.ts';
import { assertSameBits, floats, integers, scalar, scales, seeds, vector, zeroPoints } from './oracle.ts';

const narrow = fc.constantFrom<IntegerType>('uint8', 'int8', 'uint16', 'int16');
const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });

const parameterised = narrow.chain((type) =>
  fc.record({ type: fc.constant(type), zeroPoint: zeroPoints(type), scale: scales, dims: shapes, seed: seeds }),
);

test('QuantizeLinear per tensor rounds ties to even and saturates', async () => {
  await fc.assert(
    fc.asyncProperty(parameterised, async ({ type, zeroPoint, scale, dims, seed }) => {
      const [x, s, z] = [halves(floats(dims, 300, seed), scale), scalar('float32', scale), scalar(type, zeroPoint)];
      await assertSameBits({
        node: node('QuantizeLinear', ['x', 's', 'z'], ['y']),
        values: { x, s, z },
        outputs: [type],
        opset: 21,
      });
    }),
    { numRuns: 80 },
  );
});

test('QuantizeLinear and DequantizeLinear per axis give each slice its own scale', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ type: narrow, dims: shapes, axis: fc.nat(), seed: seeds }),
      async ({ type, dims, axis: draw, seed }) => {
        const axis = draw % dims.length;
        const s = {
          ...floats([dims[axis]!], 1, seed + 1),
          data: floats([dims[axis]!], 1, seed + 1).data.map((v) => Math.abs(v) + 1e-3),
        };
        const z = integers(type, [dims[axis]!], seed + 2);
        const attributes = { axis: int(axis - (seed % 2) * dims.length) };
        const x = floats(dims, 100, seed);
        await assertSameBits({
          node: node('QuantizeLinear', ['x', 's', 'z'], ['y'], attributes),
          values: { x, s, z },
          outputs: [type],
          opset: 21,
        });
        const q = integers(type, dims, seed);
        await assertSameBits({
          node: node('DequantizeLinear', ['q', 's', 'z'], ['y'], attributes),
          values: { q, s, z },
          outputs: ['float32'],
          opset: 21,
        });
      },
    ),
    { numRuns: 50 },
  );
});

test('QuantizeLinear and DequantizeLinear in blocks, the last one shorter', async () => {
  const blocked = fc.record({
    type: narrow,
    dims: shapes,
    axis: fc.nat(),
    blockSize: fc.integer({ min: 1, max: 4 }),
    seed: seeds,
  });
  await fc.assert(
    fc.asyncProperty(blocked, async ({ type, dims, axis: draw, blockSize, seed }) => {
      const axis = draw % dims.length;
      const blocks = dims.with(axis, Math.ceil(dims[axis]! / blockSize));
      fc.pre(blocks.some((size) => size > 1));
      const s = {
        ...floats(blocks, 1, seed + 1),
        data: floats(blocks, 1, seed + 1).data.map((v) => Math.abs(v) + 1e-3),
      };
      const z = integers(type, blocks, seed + 2);
      const attributes = { axis: int(axis), block_size: int(blockSize) };
      const x = floats(dims, 100, seed);
      await assertSameBits({
        node: node('QuantizeLinear', ['x', 's', 'z'], ['y'], attributes),
        values: { x, s, z },
        outputs: [type],
        opset: 21,
      });
      const q = integers(type, dims, seed);
      await assertSameBits({
        node: node('DequantizeLinear', ['q', 's', 'z'], ['y'], attributes),
        values: { q, s, z },
        outputs: ['float32'],
        opset: 21,
      });
    }),
    { numRuns: 50 },
  );
});

test('DequantizeLinear of an int32 bias rounds it to float32 before it scales', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record({ scale: scales, dims: shapes, seed: seeds }), async ({ scale, dims, seed }) => {
      const [q, s] = [integers('int32', dims, seed), scalar('float32', scale)];
      await assertSameBits({
        node: node('DequantizeLinear', ['q', 's'], ['y']),
        values: { q, s },
        outputs: ['float32'],
      });
    }),
    { numRuns: 40 },
  );
});

test('DynamicQuantizeLinear takes its scale from the range, zero included', async () => {
  const ranges = fc.record({
    dims: shapes,
    size: fc.constantFrom(0, 1e-3, 1, 1e4),
    shift: fc.constantFrom(-2, 0, 2),
    seed: seeds,
  });
  await fc.assert(
    fc.asyncProperty(ranges, async ({ dims, size, shift, seed }) => {
      const noise = floats(dims, size, seed);
      const x = { ...noise, data: noise.data.map((value) => value + shift * size) };
      const outputs = ['uint8', 'float32', 'uint8'] as const;
      await assertSameBits({ node: node('DynamicQuantizeLinear', ['x'], ['y', 's', 'z']), values: { x }, outputs });
    }),
    { numRuns: 80 },
  );
});

test('infinities saturate', async () => {
  const x = vector('float32', [Infinity, -Infinity, 1e38, -1e38]);
  const values = { x, s: scalar('float32', 0.1), z: scalar('int8', 5) };
  await assertSameBits({ node: node('QuantizeLinear', ['x', 's', 'z'], ['y']), values, outputs: ['int8'] });
});

test('every integer survives being dequantised and quantised again', () => {
  fc.assert(
    fc.property(parameterised, ({ type, zeroPoint, scale, dims, seed }) => {
      const parameters = { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint) };
      const tensor = integers(type, dims, seed);
      assert.deepEqual(quantize(dequantize({ tensor, ...parameters }), type, parameters).tensor, tensor);
    }),
  );
});

test('an operator without a kernel and a missing input are named in the error', () => {
  assert.throws(
    () => runNode(node('Erf', ['x'], ['y'], {}, 'erf1'), {}),
    /MODEL_UNSUPPORTED|node "erf1" \(Erf\): expected an operator with a reference kernel/,
  );
  assert.throws(
    () => runNode(node('QuantizeLinear', ['x', 's'], ['y'], {}, 'q1'), { x: scalar('int8', 1) }),
    /node "q1" \(QuantizeLinear\): input 0: expected float32, got int8/,
  );
});

/** Every third value moved onto a tie between two steps. */
function halves(x: Tensor<'float32'>, scale: number): Tensor<'float32'> {
  return { ...x, data: x.data.map((value, i) => (i % 3 === 0 ? (Math.floor(value) + 0.5) * scale : value)) };
}
