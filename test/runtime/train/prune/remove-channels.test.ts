/** A network without some channels against the same network with their weights at zero, bit by bit. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { openModel } from '../../../../runtime/engine/open-model.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import { elementCount, type Feeds } from '../../../../runtime/graph/tensor.ts';
import { assertSound } from '../../../../runtime/graph/verify.ts';
import { shapesOn } from '../../../../runtime/quantize/prepare/run-shapes.ts';
import { chooseChannels } from '../../../../runtime/train/prune/choose-channels.ts';
import { costOf } from '../../../../runtime/train/prune/cost.ts';
import { coupleChannels } from '../../../../runtime/train/prune/coupling/couple-channels.ts';
import { randomImportance } from '../../../../runtime/train/prune/importance.ts';
import { removeChannels } from '../../../../runtime/train/prune/remove-channels.ts';
import { networkOf, networkPlans, stepNames, wholeInput } from './random-network.ts';
import { zeroChannels } from './zero-channels.ts';

describe('removing channels', () => {
  it('gives exactly what zeroing their weights gives, in random networks', async () => {
    await fc.assert(
      fc.asyncProperty(networkPlans, fc.double({ min: 0, max: 1, noNaN: true }), async (plan, share) => {
        const { pruned, zeroed, feeds, predicted } = await bothForms(networkOf(plan), plan.seed, share);
        assertSound(pruned);
        assert.deepEqual(await outputOf(pruned, feeds), await outputOf(zeroed, feeds));
        const sizes = [...pruned.graph.initializers.values()].filter(({ type }) => type === 'float32');
        assert.equal(
          sizes.reduce((sum, { dims }) => sum + elementCount(dims), 0),
          predicted,
        );
      }),
      { numRuns: 150 },
    );
  });

  for (const step of stepNames)
    it(`removes channels around a step of the kind "${step}"`, async () => {
      const plan = { rank: 4, steps: ['conv', step, 'conv'], head: 'pool', seed: 7 } as const;
      const { pruned, removed, zeroed, feeds } = await bothForms(networkOf(plan), 7, 1);
      assert.ok(removed > 0);
      assert.deepEqual(await outputOf(pruned, feeds), await outputOf(zeroed, feeds));
    });
});

/** @param share of what can go. */
async function bothForms(model: Model, seed: number, share: number) {
  const feeds = { x: wholeInput(model.graph.inputs[0]!.dims as number[], seed) };
  const coupling = coupleChannels(model.graph, await shapesOn(model, feeds));
  const importance = randomImportance(coupling, seed);
  const whole = costOf(model.graph, coupling).channels;
  const fewest = fewestChannels(model, coupling, importance, whole);
  const most = whole - Math.floor((whole - fewest) * share);
  const removed = chooseChannels(model.graph, coupling, importance, { ...openChoice, most, whole });
  return {
    feeds,
    removed: removed.size,
    predicted: costOf(model.graph, coupling, removed).parameters,
    pruned: removeChannels(model, coupling, removed),
    zeroed: zeroChannels(model, coupling, removed),
  };
}

const openChoice = { measure: 'channels', scope: 'global', multiple: 1, isExcluded: () => false } as const;

/** The least that is possible: found by asking for less until it is refused. */
function fewestChannels(
  model: Model,
  coupling: ReturnType<typeof coupleChannels>,
  importance: Float64Array,
  whole: number,
): number {
  for (let most = 0; ; most++) {
    try {
      chooseChannels(model.graph, coupling, importance, { ...openChoice, most, whole });
      return most;
    } catch {
      // Too few: one more.
    }
  }
}

async function outputOf(model: Model, feeds: Feeds): Promise<number[]> {
  const session = await openModel(model);
  try {
    return Array.from((await session.run(feeds)).y!.data as Float32Array);
  } finally {
    await session.close();
  }
}
