import assert from 'node:assert/strict';
import { test } from 'node:test';
import { node } from '../../../../runtime/graph/build.ts';
import { chooseObserver } from '../../../../runtime/quantize/auto/choose-observer.ts';
import { staticSchema } from '../../../../runtime/quantize/recipe.ts';
import { conv, modelFrom, noise, samplesOf } from '../small-models.ts';

const dims = [1, 4, 8, 8];
const model = modelFrom([conv('x', 'c', 'w'), node('Relu', ['c'], ['y'], {}, 'relu')], dims, {
  w: noise([4, 4, 3, 3], 5),
});
const part = staticSchema.parse({ kind: 'static', reduceRange: true });

/** One sample in `every` has a value a hundred times as large as the others. */
function samplesWithOutliers(count: number, every: number) {
  return samplesOf(
    Array.from({ length: count }, (_, i) => {
      const tensor = noise(dims, i + 1);
      if (i % every === 0) tensor.data[7] = 100;
      return tensor;
    }),
  );
}

test('where outliers are rare, ranges that clip them are nearer to float32', async () => {
  assert.notEqual(await chooseObserver(model, part, samplesWithOutliers(64, 64)), 'min-max');
});

test('no sample both gives ranges and compares', async () => {
  const samples = samplesWithOutliers(18, 18);
  const read: number[] = [];
  const feeds = (index: number) => {
    read.push(index);
    return samples.feeds(index);
  };
  await chooseObserver(model, part, { ...samples, feeds });
  const ranging = read.slice(0, 14);
  assert.equal(new Set(ranging).size, 14);
  assert.deepEqual(
    [...new Set(read.slice(14))].sort((a, b) => a - b),
    [3, 7, 11, 15],
  );
  assert.ok(!ranging.some((index) => [3, 7, 11, 15].includes(index)));
});

test('too few samples to compare: the extremes', async () => {
  assert.equal(await chooseObserver(model, part, samplesWithOutliers(3, 2)), 'min-max');
});
