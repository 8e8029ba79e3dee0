import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isExcluded, recipeSchema } from '../../../runtime/quantize/recipe.ts';

test('a recipe of kind static says every choice, also those left to their defaults', () => {
  assert.deepEqual(recipeSchema.parse({ kind: 'static' }), {
    kind: 'static',
    name: 'static',
    format: 'qdq',
    target: 'cpu',
    activation: 'uint8',
    symmetric: false,
    weight: 'int8',
    perChannel: true,
    reduceRange: false,
    observer: 'min-max',
    equalize: false,
    absorbBias: false,
    weightRange: 'min-max',
    rounding: 'nearest',
    biasCorrection: false,
    exclude: [],
    overrides: [],
  });
});

test('a recipe with an unknown field, observer or kind is refused', () => {
  for (const wrong of [
    { kind: 'static', bits: 8 },
    { kind: 'static', observer: 'kl' },
  ])
    assert.equal(recipeSchema.safeParse(wrong).success, false, JSON.stringify(wrong));
});

test('a dynamic recipe has no observer: nothing is observed', () => {
  assert.equal(recipeSchema.safeParse({ kind: 'dynamic', observer: 'mse' }).success, false);
});

test('a node is excluded by its whole name, or by a pattern in which * stands for any text', () => {
  const cases: [string, string, boolean][] = [
    ['/3/Conv', '/3/Conv', true],
    ['/3/Conv', '/3/Conv_1', false],
    ['/3/*', '/3/c1/Conv', true],
    ['*/Gemm', '/8/Gemm', true],
    ['*/Gemm', '/8/Gemm/x', false],
    ['/*/c1/*', '/4/c1/Conv', true],
    ['a*a', 'a', false],
    ['a*b*b', 'ab', false],
    ['*', '', true],
    ['.', 'x', false],
  ];
  for (const [pattern, name, expected] of cases)
    assert.equal(isExcluded({ exclude: [pattern] }, name), expected, `${pattern} on ${name}`);
});
