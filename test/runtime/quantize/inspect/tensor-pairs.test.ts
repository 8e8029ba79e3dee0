import assert from 'node:assert/strict';
import { test } from 'node:test';
import { float32, node } from '../../../../runtime/graph/build.ts';
import type { Node } from '../../../../runtime/graph/model.ts';
import { pairTensors } from '../../../../runtime/quantize/inspect/tensor-pairs.ts';
import { modelFrom } from '../small-models.ts';

const scale = float32([], [0.5]);
const zero = { type: 'uint8', dims: [], data: Uint8Array.of(3) } as const;

function pairs(float: readonly Node[], quantized: readonly Node[]) {
  const [before, after] = [modelFrom(float, [1, 4]), modelFrom(quantized, [1, 4], { scale, zero })];
  return pairTensors(before.graph, after.graph).map(({ float: name, quantized: value, params }) => [
    name,
    value,
    params?.zeroPoint,
  ]);
}

const tanh = node('Tanh', ['x'], ['t'], {}, 'tanh');
const quantize = (from: string, to: string) => node('QuantizeLinear', [from, 'scale', 'zero'], [to]);
const dequantize = (from: string, to: string) => node('DequantizeLinear', [from, 'scale', 'zero'], [to]);

test('a tensor is paired with its rounded form, whatever that is called', () => {
  const after = [tanh, quantize('t', 'any'), dequantize('any', 'other'), node('Sin', ['other'], ['y'])];
  assert.deepEqual(pairs([tanh, node('Sin', ['t'], ['y'])], after), [
    ['t', 'any', 3],
    ['y', 'y', undefined],
  ]);
});

test('an output that kept its name behind the pair is read as its integers', () => {
  const after = [node('Tanh', ['x'], ['y_float']), quantize('y_float', 'q'), dequantize('q', 'y')];
  assert.deepEqual(pairs([node('Tanh', ['x'], ['y'])], after), [['y', 'q', 3]]);
});

test('where a Relu became the end of a range, its output is what is compared', () => {
  const float = [tanh, node('Relu', ['t'], ['r']), node('Sin', ['r'], ['y'])];
  const after = [tanh, quantize('t', 'q'), dequantize('q', 'd'), node('Sin', ['d'], ['y'])];
  assert.deepEqual(pairs(float, after)[0], ['r', 'q', 3]);
});

test('a tensor that became an image of height 1 is found under its new name', () => {
  const float = [tanh, node('Sin', ['t'], ['y'])];
  const after = [node('Tanh', ['x'], ['t_2d']), quantize('t_2d', 'q'), dequantize('q', 'd'), node('Sin', ['d'], ['y'])];
  assert.deepEqual(pairs(float, after)[0], ['t', 'q', 3]);
});

test('models without a name in common have no pairs', () => {
  assert.deepEqual(pairs([tanh, node('Sin', ['t'], ['y'])], [node('Tanh', ['x'], ['z'])]), []);
});
