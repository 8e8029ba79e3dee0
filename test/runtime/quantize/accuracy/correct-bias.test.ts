import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueInfo } from '../../../../runtime/graph/build.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import { type ChannelStatistics, channelStatistics } from '../../../../runtime/quantize/accuracy/channel-statistics.ts';
import { correctBias } from '../../../../runtime/quantize/accuracy/correct-bias.ts';
import { emulate } from '../../../../runtime/quantize/accuracy/emulate.ts';
import { canHaveBias, layersOf } from '../../../../runtime/quantize/accuracy/layers.ts';
import { place } from '../../../../runtime/quantize/place/place.ts';
import { chooseUnits } from '../../../../runtime/quantize/place/units.ts';
import { applyRecipe, observeFor } from '../../../../runtime/quantize/quantize.ts';
import { staticHere } from '../built.ts';
import { noise, noiseSamples } from '../small-models.ts';
import { depthwiseNetwork, relativeError, run, withGraph } from './networks.ts';

/** Its graph with an inner value as output. */
function withOutput(of: Model, name: string): Model {
  return { ...of, graph: { ...of.graph, outputs: [valueInfo(name, 'float32')] } };
}

const model = depthwiseNetwork(10);
const samples = noiseSamples([1, 4, 8, 8], 64);

async function placed(perChannel: boolean) {
  const recipe = staticHere({ perChannel });
  const observation = await observeFor(model, [recipe], samples);
  const { units } = chooseUnits(model.graph, recipe, new Map());
  return { recipe, observation, placement: place(model.graph, units, observation.get('min-max')!, recipe) };
}

test('an emulated model gives what the written one gives, within two steps of the output', async () => {
  const { recipe, observation, placement } = await placed(true);
  const built = await applyRecipe(model, recipe, observation);
  assert.ok(built.ok);
  const emulated = withGraph(model, emulate(model.graph, placement, { perChannel: true, steps: 127 }));
  const x = noise([1, 4, 8, 8], 77);
  // A value on the edge between two steps may fall either way, and then travels on.
  assert.ok(relativeError(await run(emulated, x), await run(built.bytes, x)) < 2 / 127);
});

test('means are over all samples and positions; without any value every figure is 0', async () => {
  const layers = layersOf(model.graph).slice(0, 1);
  const [{ least, greatest, mean }] = [
    ...(await channelStatistics(model, layers, noiseSamples([1, 4, 8, 8], 2))).values(),
  ] as [ChannelStatistics];
  const both = [1, 2].map((seed) => run(withOutput(model, 'a'), noise([1, 4, 8, 8], seed), 'a'));
  const values = (await Promise.all(both)).flatMap((a) => [...a.subarray(64, 128)]);
  assert.ok(Math.abs(mean[1]! - values.reduce((sum, value) => sum + value, 0) / 128) < 1e-5);
  assert.deepEqual([least[1], greatest[1]], [Math.min(...values), Math.max(...values)]);
  const nothing = await channelStatistics(model, layers, noiseSamples([1, 4, 8, 8], 0));
  assert.deepEqual(nothing.get('a')!.least, new Float64Array(8));
});

test('after correction every channel of the quantised model has the float model’s mean', async () => {
  const { placement } = await placed(false);
  // Three bits, so that there is an error to correct.
  const grid = { perChannel: false, steps: 3 };
  const layers = layersOf(model.graph).filter(canHaveBias);
  const shiftOf = async (quantized: typeof model) => {
    const emulated = withGraph(quantized, emulate(quantized.graph, placement, grid));
    const [right, got] = [
      await channelStatistics(model, layers, samples),
      await channelStatistics(emulated, layers, samples),
    ];
    return layers.map(({ output }) => {
      const { mean, least, greatest } = right.get(output)!;
      const reach = Math.max(...greatest) - Math.min(...least);
      return Math.max(...mean.map((value, i) => Math.abs(value - got.get(output)!.mean[i]!))) / reach;
    });
  };
  const before = await shiftOf(model);
  const after = await shiftOf(await correctBias(model, model, placement, grid, samples));
  assert.ok(Math.max(...before) > 0.02, `before ${before}`);
  for (const shift of after) assert.ok(shift < 1e-5, `after ${after}`);
});
