/** Models as exporters write them: what is left of each computes what it computes with the weights of what went at zero. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openModel } from '../../../../runtime/engine/open-model.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import type { Feeds } from '../../../../runtime/graph/tensor.ts';
import { syntheticFeeds } from '../../../../runtime/measure/trial-feeds.ts';
import { modelInputs, prepareModel } from '../../../../runtime/quantize/prepare/prepare.ts';
import { rewriteForSpeed } from '../../../../runtime/quantize/prepare/speed-rewrites.ts';
import { chooseChannels } from '../../../../runtime/train/prune/choose-channels.ts';
import { costOf } from '../../../../runtime/train/prune/cost.ts';
import { comparable, weightNorms } from '../../../../runtime/train/prune/importance.ts';
import { couplingOf } from '../../../../runtime/train/prune/prune-channels.ts';
import { removeChannels } from '../../../../runtime/train/prune/remove-channels.ts';
import { missingFile } from '../../../support/requirements.ts';
import { zeroChannels } from './zero-channels.ts';

const root = join(import.meta.dirname, '../../../..');
const shared = join(root, '../shared/data');

/** Path → layers that make channels, and those of them that cannot lose any. */
const models: Readonly<Record<string, readonly [layers: number, whole: number]>> = {
  [join(root, 'models/bundled/watch-exercise/model.onnx')]: [10, 1],
  [join(shared, 'fashion/resnet8.onnx')]: [10, 1],
  [join(shared, 'fashion/dscnn.onnx')]: [10, 1],
  [join(shared, 'gestures/cnn1d.onnx')]: [6, 1],
  [join(shared, 'digits/dscnn.onnx')]: [8, 1],
  [join(shared, 'digits/lstm.onnx')]: [2, 1],
  [join(shared, 'digits/transformer.onnx')]: [10, 6],
  [join(shared, 'mlperf-tiny/resnet8.onnx')]: [10, 1],
  [join(shared, 'mlperf-tiny/anomaly-autoencoder.onnx')]: [10, 1],
};

describe('channels of real models', () => {
  for (const [path, [layers, whole]] of Object.entries(models))
    it(`are followed and removed in ${path.split('/').slice(-2).join('/')}`, { skip: missingFile(path) }, async () => {
      const model = await rewriteForSpeed(await prepareModel(path), ['fewer-nodes']);
      const feeds = syntheticFeeds(modelInputs(model));
      const coupling = await couplingOf(model, feeds);
      assert.deepEqual([coupling.layers.length, coupling.whole.length], [layers, whole]);
      const all = costOf(model.graph, coupling).channels;
      const removed = chooseChannels(
        model.graph,
        coupling,
        comparable(weightNorms(model.graph, coupling, 2), coupling),
        {
          ...{ measure: 'channels', most: all / 2, whole: all, scope: 'layer', multiple: 4 },
          isExcluded: () => false,
        },
      );
      const pruned = removeChannels(model, coupling, removed);
      assert.ok(costOf(pruned.graph, await couplingOf(pruned, feeds)).channels <= all / 2);
      const [got, expected] = [
        await outputOf(pruned, feeds),
        await outputOf(zeroChannels(model, coupling, removed), feeds),
      ];
      const scale = Math.max(...expected.map(Math.abs));
      got.forEach((value, at) => {
        assert.ok(Math.abs(value - expected[at]!) <= 1e-5 * scale, `output ${at}: ${value}, zeroed ${expected[at]}`);
      });
    });
});

async function outputOf(model: Model, feeds: Feeds): Promise<number[]> {
  const session = await openModel(model);
  try {
    const [values] = Object.values(await session.run(feeds));
    return Array.from(values!.data as Float32Array);
  } finally {
    await session.close();
  }
}
