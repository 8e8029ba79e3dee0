import assert from 'node:assert/strict';
import { test } from 'node:test';
import { node } from '../../../../runtime/graph/build.ts';
import { measureSensitivity } from '../../../../runtime/quantize/accuracy/measure-sensitivity.ts';
import { rankSensitivity } from '../../../../runtime/quantize/accuracy/sensitivity.ts';
import { observeFor } from '../../../../runtime/quantize/quantize.ts';
import { staticSchema } from '../../../../runtime/quantize/recipe.ts';
import { conv, modelFrom, noise, noiseSamples } from '../small-models.ts';

// Unsigned by unsigned saturates on no processor.
const recipe = staticSchema.parse({ kind: 'static', weight: 'uint8', perChannel: false });

/** Three convolutions; the second has one huge weight that only ever meets zeros, and costs all others their resolution. */
function badSecond() {
  const silent = noise([4, 4, 3, 3]);
  silent.data.fill(0, 0, 36);
  const uneven = noise([4, 4, 3, 3], 5);
  uneven.data[0] = 30;
  const nodes = [conv('x', 'a', 'w'), node('Relu', ['a'], ['b'], {}, 'relu'), conv('b', 'c', 'v'), conv('c', 'y', 'u')];
  return modelFrom(nodes, [1, 4, 8, 8], { w: silent, v: uneven, u: noise([2, 4, 3, 3], 9) });
}

for (const mode of ['only-float', 'only-int8'] as const)
  test(`${mode}: the unit whose weights one scale cannot serve ranks first`, async () => {
    const model = badSecond();
    const samples = noiseSamples([1, 4, 8, 8]);
    const observation = await observeFor(model, [recipe], samples);
    const measured = await measureSensitivity(model, recipe, observation, samples, { mode });
    assert.deepEqual(
      measured.units.map((unit) => unit.node),
      ['a', 'c', 'y'],
    );
    const [first] = rankSensitivity(measured);
    assert.equal(first!.node, 'c');
    assert.ok(first!.relief > 0.5, `relief ${first!.relief}`);
  });
