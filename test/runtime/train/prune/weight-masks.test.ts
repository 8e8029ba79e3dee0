/** Which single weights become zero. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OctetError } from '../../../../runtime/base/errors.ts';
import { float32, node } from '../../../../runtime/graph/build.ts';
import type { Graph } from '../../../../runtime/graph/model.ts';
import {
  chooseMasks,
  layerWeights,
  type MaskChoice,
  type Masks,
} from '../../../../runtime/train/prune/weight-masks.ts';
import { modelFrom } from '../../quantize/small-models.ts';

describe('masks of weights', () => {
  it('take the least of all layers', () => {
    assert.deepEqual(kept(chooseMasks(graph(), choice(0.5))), { w: [0, 0, 0, 1], w2: [1, 1, 0, 1, 1] });
  });

  it('take the least of each layer', () => {
    const masks = chooseMasks(graph(), choice(0.5, { scope: 'layer' }));
    assert.deepEqual(kept(masks), { w: [0, 1, 0, 1], w2: [0, 1, 0, 1, 1] });
  });

  it('take exactly the share that was asked for, of equal weights the first', () => {
    const equal = graph([2, 2, 2, 2], [2, 2, 2, 2, 2]);
    assert.deepEqual(kept(chooseMasks(equal, choice(0.34))), { w: [0, 0, 0, 1], w2: [1, 1, 1, 1, 1] });
  });

  it('leave an excluded layer whole', () => {
    const masks = chooseMasks(graph(), choice(0.5, { isExcluded: (name) => name === 'first' }));
    assert.deepEqual([...masks.keys()], ['w2']);
  });

  it('choose by chance, the same for the same seed, and what is zero already first', () => {
    const half = graph([0, 1, 0, 1], [1, 1, 1, 1, 1]);
    const random = chooseMasks(half, choice(0.5, { randomSeed: 5 }));
    assert.deepEqual(kept(random), kept(chooseMasks(half, choice(0.5, { randomSeed: 5 }))));
    assert.notDeepEqual(kept(random), kept(chooseMasks(half, choice(0.5, { randomSeed: 6 }))));
    assert.deepEqual([kept(random).w![0], kept(random).w![2]], [0, 0]);
  });

  it('count a shared weight once', () => {
    const { graph: shared } = modelFrom(
      [node('MatMul', ['x', 'w'], ['a']), node('MatMul', ['a', 'w'], ['y'])],
      [1, 2],
      { w: float32([2, 2], [1, 2, 3, 4]) },
    );
    assert.deepEqual(layerWeights(shared), ['w']);
  });

  it('refuse a ratio that would empty a layer, and name the largest possible one', () => {
    // When the largest of the first layer would go, four have gone before it.
    assert.throws(
      () => chooseMasks(graph(), choice(0.9)),
      (error) =>
        error instanceof OctetError &&
        error.code === 'RECIPE_INVALID' &&
        error.message.includes('at most 0.444, got 0.9'),
    );
    for (const scope of ['global', 'layer'] as const) {
      const masks = kept(chooseMasks(graph(), choice(scope === 'global' ? 0.444 : 0.99, { scope })));
      assert.ok(Object.values(masks).every((mask) => mask.includes(1)));
    }
  });
});

function graph(w = [1, -2, 1, 3], w2 = [5, -6, 2, 7, 8]): Graph {
  return modelFrom(
    [node('MatMul', ['x', 'w'], ['a'], {}, 'first'), node('Gemm', ['a', 'w2'], ['y'], {}, 'second')],
    [1, 4],
    { w: float32([4, 1], w), w2: float32([1, 5], w2) },
  ).graph;
}

function choice(ratio: number, other: Partial<MaskChoice> = {}): MaskChoice {
  return { ratio, scope: 'global', isExcluded: () => false, ...other };
}

function kept(masks: Masks): Record<string, number[]> {
  return Object.fromEntries([...masks].map(([name, { data }]) => [name, Array.from(data)]));
}
