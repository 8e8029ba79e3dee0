import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ints } from '../../../../runtime/graph/attributes.ts';
import { float32, node } from '../../../../runtime/graph/build.ts';
import { integerRanges } from '../../../../runtime/graph/integers.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import { representableRange } from '../../../../runtime/quantize/numerics.ts';
import { place, type Ranges } from '../../../../runtime/quantize/place/place.ts';
import { chooseUnits } from '../../../../runtime/quantize/place/units.ts';
import { staticSchema } from '../../../../runtime/quantize/recipe.ts';
import { conv, modelFrom, noise } from '../small-models.ts';

const weight = { w: noise([4, 4, 3, 3]) };

function placed({ graph }: Model, ranges: Ranges, activation: 'uint8' | 'int8' = 'uint8') {
  const { units } = chooseUnits(graph, staticSchema.parse({ kind: 'static' }), new Map());
  return place(graph, units, ranges, staticSchema.parse({ kind: 'static', activation })).activations;
}

test('pass-through operators share the scale and zero point of what they move', () => {
  const pool = node('MaxPool', ['a'], ['p'], { kernel_shape: ints([2, 2]) }, 'pool');
  const move = node('Transpose', ['p'], ['t'], { perm: ints([0, 1, 3, 2]) }, 'move');
  const model = modelFrom([conv('x', 'a'), pool, move, conv('t', 'y')], [1, 4, 8, 8], weight);
  // Their own ranges differ and must not count.
  const ranges = new Map([
    ['x', { min: 0, max: 1 }],
    ['a', { min: -3, max: 2 }],
    ['p', { min: -1, max: 2 }],
    ['t', { min: -1, max: 2 }],
    ['y', { min: 0, max: 9 }],
  ]);
  const activations = placed(model, ranges);
  assert.deepEqual(activations.get('p'), activations.get('a'));
  assert.deepEqual(activations.get('t'), activations.get('a'));
});

for (const type of ['uint8', 'int8'] as const)
  test(`${type}: after a folded Relu the zero point is the type's minimum, even when nothing passed it`, () => {
    const model = modelFrom([conv('x', 'a'), node('Relu', ['a'], ['y'], {}, 'relu')], [1, 4, 8, 8], weight);
    for (const max of [0, 3]) {
      const ranges = new Map([
        ['x', { min: -1, max: 1 }],
        ['y', { min: 0, max }],
      ]);
      assert.equal(placed(model, ranges, type).get('y')?.zeroPoint, integerRanges[type].min);
    }
  });

test('a folded Clip bounds the range, whatever was observed', () => {
  const clip = node('Clip', ['a', 'low', 'high'], ['y'], {}, 'clip');
  const bounds = { low: float32([], [0]), high: float32([], [6]) };
  const model = modelFrom([conv('x', 'a'), clip], [1, 4, 8, 8], { ...weight, ...bounds });
  const ranges = new Map([
    ['x', { min: -1, max: 1 }],
    ['y', { min: -5, max: 50 }],
  ]);
  const { min, max } = representableRange(placed(model, ranges).get('y')!);
  assert.equal(min, 0);
  assert.ok(Math.abs(max - 6) < 1e-6, `expected 6, got ${max}`);
});

test('a Clip that leaves zero out is not folded: a quantised range always contains zero', () => {
  const clip = node('Clip', ['a', 'low'], ['y'], {}, 'clip');
  const model = modelFrom([conv('x', 'a'), clip], [1, 4, 8, 8], { ...weight, low: float32([], [0.5]) });
  const { floats } = chooseUnits(model.graph, staticSchema.parse({ kind: 'static' }), new Map());
  assert.deepEqual(
    [...floats.keys()].map(({ name }) => name),
    ['clip'],
  );
});

test('the answer of a last Gemm is not rounded: nothing after it needs int8', () => {
  const model = modelFrom([node('Gemm', ['x', 'm'], ['y'], {}, 'gemm')], [1, 4], { m: noise([4, 4]) });
  assert.deepEqual([...placed(model, new Map([['x', { min: 0, max: 1 }]])).keys()], ['x']);
});

test('a tensor without an observed range is an error that names it', () => {
  const model = modelFrom([conv('x', 'y')], [1, 4, 8, 8], weight);
  assert.throws(() => placed(model, new Map([['x', { min: 0, max: 1 }]])), /tensor "y": expected an observed range/);
});
