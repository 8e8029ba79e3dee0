import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ints } from '../../../../runtime/graph/attributes.ts';
import { float32, node } from '../../../../runtime/graph/build.ts';
import { absorbBias, layersToAbsorb } from '../../../../runtime/quantize/accuracy/absorb-bias.ts';
import { channelStatistics } from '../../../../runtime/quantize/accuracy/channel-statistics.ts';
import { modelFrom, noise, noiseSamples } from '../small-models.ts';
import { relativeError, run, withGraph } from './networks.ts';

/** Channel 0 always lies above 20, channel 1 around 0. */
function highBias(pads: number) {
  const nodes = [
    node('Conv', ['x', 'w', 'b'], ['a'], {}, 'first'),
    node('Relu', ['a'], ['r'], {}, 'relu'),
    node('Conv', ['r', 'v'], ['y'], { pads: ints([pads, pads, pads, pads]) }, 'second'),
  ];
  const weights = { w: noise([2, 4, 1, 1]), b: float32([2], [30, 0]), v: noise([3, 2, 3, 3], 2) };
  return modelFrom(nodes, [1, 4, 6, 6], weights);
}

test('what a Relu always lets through moves into the next bias, and on the data the function stays', async () => {
  const model = highBias(0);
  const samples = noiseSamples([1, 4, 6, 6]);
  const statistics = await channelStatistics(model, layersToAbsorb(model.graph), samples);
  const absorbed = withGraph(model, absorbBias(model.graph, new Map([['a', statistics.get('a')!.least]])));
  const reach = async (of: typeof model) => {
    const { least, greatest } = (await channelStatistics(of, layersToAbsorb(of.graph), samples)).get('a')!;
    return { least: least[0]!, greatest: greatest[0]! };
  };
  assert.ok((await reach(model)).least > 20);
  const after = await reach(absorbed);
  assert.ok(Math.abs(after.least) < 1e-5 && after.greatest < 8, `[${after.least}, ${after.greatest}]`);
  for (let i = 0; i < samples.count; i++) {
    const x = noise([1, 4, 6, 6], i + 1);
    assert.ok(relativeError(await run(absorbed, x), await run(model, x)) < 1e-5);
  }
});

test('nothing is absorbed into a layer that pads: zeros carry no constant', () => {
  assert.deepEqual(layersToAbsorb(highBias(1).graph), []);
  assert.equal(layersToAbsorb(highBias(0).graph).length, 1);
});
