import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ints } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { equalizeChannels } from '../../../../runtime/quantize/accuracy/equalize.ts';
import { channelMaxima, layersOf, weightsOf } from '../../../../runtime/quantize/accuracy/layers.ts';
import { findPairs } from '../../../../runtime/quantize/accuracy/pairs.ts';
import { buildVariant, observeFor } from '../../../../runtime/quantize/quantize.ts';
import { staticHere } from '../built.ts';
import { conv, modelFrom, noise, noiseSamples } from '../small-models.ts';
import { depthwiseNetwork, layerNamed, relativeError, run, sqnrDb, withGraph } from './networks.ts';

const x = noise([1, 4, 8, 8], 99);

test('equalising leaves the function as it is, through Relu, depthwise layers, pooling and Flatten', async () => {
  await fc.assert(
    fc.asyncProperty(fc.double({ min: 0, max: 4, noNaN: true }), async (power) => {
      const model = depthwiseNetwork(10 ** power);
      assert.equal(findPairs(model.graph).length, 3);
      const even = withGraph(model, equalizeChannels(model.graph));
      // Float32 rounds each scaled weight, 2⁻²⁴ each time.
      assert.ok(relativeError(await run(even, x), await run(model, x)) < 1e-5);
    }),
    { seed: 5, numRuns: 12 },
  );
});

test('after equalising, what leaves a channel and what reads it reach equally far', () => {
  const { graph } = depthwiseNetwork(1000);
  const even = equalizeChannels(graph);
  const maxima = (name: string, side: 'outputOf' | 'inputOf') => {
    const layer = layerNamed(layersOf(even), name);
    return channelMaxima(weightsOf(even, layer).data, 8, layer[side]);
  };
  const [left, right] = [maxima('depth', 'outputOf'), maxima('mix', 'inputOf')];
  for (const [i, reach] of left.entries()) assert.ok(Math.abs(Math.log(reach / right[i]!)) < 0.01, `channel ${i}`);
});

test('channels are only scaled where all that lies between lets a factor through and nobody else reads', () => {
  const between = (...nodes: ReturnType<typeof node>[]) =>
    findPairs(
      modelFrom([conv('x', 'a'), ...nodes, conv('b', 'y', 'v')], [1, 4, 8, 8], {
        w: noise([4, 4, 3, 3]),
        v: noise([4, 4, 3, 3], 2),
        one: noise([1, 4, 1, 1]),
      }).graph,
    ).length;
  assert.equal(between(node('Relu', ['a'], ['b'])), 1);
  assert.equal(between(node('MaxPool', ['a'], ['b'], { kernel_shape: ints([2, 2]) })), 1);
  assert.equal(between(node('Sigmoid', ['a'], ['b'])), 0);
  assert.equal(between(node('Add', ['a', 'one'], ['b'])), 0);
  assert.equal(between(node('Relu', ['a'], ['b']), node('Neg', ['b'], ['z'])), 0);
});

/** How well the int8 model follows the float one, with uint8 activations from min-max. */
async function fidelity(spread: number, settings: { perChannel: boolean; equalize: boolean }): Promise<number> {
  const model = depthwiseNetwork(spread);
  const recipe = staticHere(settings);
  const samples = noiseSamples([1, 4, 8, 8], 32);
  const built = await buildVariant(model, recipe, samples, await observeFor(model, [recipe], samples));
  assert.ok(built.ok);
  return sqnrDb(await run(built.bytes, x), await run(model, x));
}

test('where one scale for each weight collapses, equalising restores it', async () => {
  const [collapsed, even, balanced] = [
    await fidelity(1000, { perChannel: false, equalize: false }),
    await fidelity(1000, { perChannel: false, equalize: true }),
    await fidelity(1, { perChannel: false, equalize: false }),
  ];
  assert.ok(collapsed < 12, `without: ${collapsed} dB`);
  assert.ok(even > collapsed + 10 && even > balanced - 6, `with: ${even} dB; never uneven: ${balanced} dB`);
});

test('with a scale for each channel, equalising still helps the activations, which have one for all', async () => {
  const without = await fidelity(1000, { perChannel: true, equalize: false });
  const even = await fidelity(1000, { perChannel: true, equalize: true });
  assert.ok(even > without + 3, `${even} dB against ${without} dB`);
});
