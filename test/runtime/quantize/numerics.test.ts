/** Oracle: the models that onnxruntime.quantization 1.30 wrote from the same weights; everything must be equal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OctetError } from '../../../runtime/base/errors.ts';
import { constantTensor } from '../../../runtime/graph/initializer.ts';
import { roundHalfEven } from '../../../runtime/graph/integers.ts';
import type { Tensor } from '../../../runtime/graph/tensor.ts';
import {
  absoluteMaxima,
  affineParams,
  quantizeBias,
  quantizeTensor,
  quantizeWeight,
  representableRange,
  scalesThatFitBias,
  symmetricScales,
} from '../../../runtime/quantize/numerics.ts';
import { loadReference, needsSharedData, quantConstants } from './reference.ts';

const models = ['fashion-dscnn', 'fashion-resnet8', 'digits-dscnn', 'gestures-cnn1d'];

for (const model of models)
  test(`the weights and biases of ${model} get the reference's scales and integers`, needsSharedData, async () => {
    const float = await loadReference(`${model}.folded.onnx`);
    const reference = await loadReference(`${model}.static-u8s8.onnx`);
    const expected = quantConstants(reference);
    let compared = 0;
    for (const [name, stored] of float.initializers) {
      const constants = expected.get(name);
      if (!constants || stored.type !== 'float32') continue;
      const values = constantTensor(float, name) as Tensor<'float32'>;
      const integers = constantTensor(reference, `${name}_quantized`)!;
      if (integers.type === 'int32') {
        const scales = constants.scale.data as Tensor<'float32'>['data'];
        assert.deepEqual(quantizeBias(values.data, scales), integers.data, name);
      } else {
        const scales = symmetricScales(absoluteMaxima(values, 0));
        assert.deepEqual(scales, constants.scale.data, name);
        assert.deepEqual(quantizeWeight(values, scales, 0).values, integers, name);
      }
      compared += 1;
    }
    assert.ok(compared >= 12, `expected at least 12 constants to compare, got ${compared}`);
  });

test('a range that starts above zero is widened to contain zero', () => {
  assert.deepEqual(affineParams({ min: 1, max: 2.55 }, 'uint8'), {
    type: 'uint8',
    scale: Math.fround(2.55 / 255),
    zeroPoint: 0,
  });
});

test('int8 activations are asymmetric: after Relu the zero point is the type minimum', () => {
  assert.equal(affineParams({ min: 0, max: 6 }, 'int8').zeroPoint, -128);
});

test('a range too narrow for float32 gets scale 1 and zero point 0', () => {
  assert.deepEqual(affineParams({ min: 0, max: 0 }, 'uint8'), { type: 'uint8', scale: 1, zeroPoint: 0 });
  assert.deepEqual(affineParams({ min: -1e-40, max: 0 }, 'int8'), { type: 'int8', scale: 1, zeroPoint: 0 });
});

test('a range with NaN, infinity or its ends exchanged is an error', () => {
  for (const range of [
    { min: Number.NaN, max: 1 },
    { min: 0, max: Number.POSITIVE_INFINITY },
    { min: 1, max: -1 },
  ])
    assert.throws(
      () => affineParams(range, 'uint8'),
      (error: OctetError) => error.code === 'QUANT_RANGE',
    );
});

test('rounding goes to the nearest integer, ties to even', () => {
  assert.deepEqual(
    [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 2.6].map(roundHalfEven).map((x) => x + 0),
    [0, 2, 2, 0, -2, -2, 0, 3],
  );
});

test('zero is exact, and every value inside the range comes back within half a step', () => {
  const value = fc.float({ min: -1000, max: 1000, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 50 }), fc.constantFrom('uint8', 'int8'), (list, type) => {
      const data = Float32Array.from([...list, 0]);
      const params = affineParams({ min: Math.min(...data), max: Math.max(...data) }, type);
      const { data: integers } = quantizeTensor({ type: 'float32', dims: [data.length], data }, params);
      const back = Array.from(integers, (q) => params.scale * (Number(q) - params.zeroPoint));
      assert.equal(back.at(-1), 0);
      const range = representableRange(params);
      // Half a step, and what float32 loses in the quotient.
      const tolerance = params.scale * (0.5 + 1e-4);
      for (const [i, x] of data.entries()) {
        const inside = Math.min(Math.max(x, range.min), range.max);
        assert.ok(Math.abs(back[i]! - inside) <= tolerance, `${x} came back as ${back[i]}`);
      }
    }),
    { seed: 20, numRuns: 200 },
  );
});

test('a weight with scales along its last axis is quantised column by column', () => {
  const weight = { type: 'float32', dims: [2, 2], data: Float32Array.of(1, 10, -2, 5) } as const;
  const scales = symmetricScales(absoluteMaxima(weight, 1));
  assert.deepEqual(scales, Float32Array.of(2 / 127, 10 / 127));
  assert.deepEqual(quantizeWeight(weight, scales, 1).values.data, Int8Array.of(64, 127, -127, 64));
});

test('an all-zero channel gets scale 1 and zero values', () => {
  const weight = { type: 'float32', dims: [2, 1], data: Float32Array.of(0, 1) } as const;
  const scales = symmetricScales(absoluteMaxima(weight, 0));
  assert.equal(scales[0], 1);
  assert.deepEqual(quantizeWeight(weight, scales, 0).values.data, Int8Array.of(0, 127));
});

test('a weight scale grows until the bias fits into int32, and only where it must', () => {
  const bias = Float32Array.of(1000, 1);
  const scales = scalesThatFitBias(Float32Array.of(1e-9, 1e-3), 1e-3, bias);
  assert.equal(scales[1], Math.fround(1e-3));
  const [big] = quantizeBias(bias, Float32Array.of(scales[0]! * 1e-3, 1));
  assert.ok(big! < 2 ** 31 - 1 && big! > 2 ** 30, `expected just below 2^31, got ${big}`);
});

test('a bias beyond int32 saturates', () => {
  assert.deepEqual(
    quantizeBias(Float32Array.of(1e30, -1e30), Float32Array.of(1)),
    Int32Array.of(2 ** 31 - 1, -(2 ** 31)),
  );
});
