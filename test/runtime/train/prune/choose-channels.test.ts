/** Which channels go, for what share of what. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OctetError } from '../../../../runtime/base/errors.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { shapesOn } from '../../../../runtime/quantize/prepare/run-shapes.ts';
import { type Choice, chooseChannels } from '../../../../runtime/train/prune/choose-channels.ts';
import { type CostMeasure, costMeasures, costOf } from '../../../../runtime/train/prune/cost.ts';
import { coupleChannels } from '../../../../runtime/train/prune/coupling/couple-channels.ts';
import { comparable, weightNorms } from '../../../../runtime/train/prune/importance.ts';
import { conv, modelFrom, noise } from '../../quantize/small-models.ts';

describe('choosing channels', () => {
  for (const measure of costMeasures)
    for (const scope of ['global', 'layer'] as const)
      it(`leaves no more ${measure} than asked for, scope ${scope}`, async () => {
        const { graph, coupling, importance } = await network();
        const whole = costOf(graph, coupling)[measure];
        const removed = chooseChannels(graph, coupling, importance, choice(measure, 0.5, whole, { scope }));
        const left = costOf(graph, coupling, removed)[measure];
        assert.ok(left <= whole / 2, `${left} of ${whole}`);
        const onlyOneMore = [...removed].some((channel) => {
          const fewer = new Set([...removed].filter((other) => other !== channel));
          return costOf(graph, coupling, fewer)[measure] > whole / 2;
        });
        assert.ok(onlyOneMore, 'expected no more to go than needed');
      });

  it('takes the least important of a layer', async () => {
    const { graph, coupling, importance } = await network();
    const removed = chooseChannels(graph, coupling, importance, choice('channels', 0.25, 48, { scope: 'layer' }));
    for (const { channels } of coupling.groups) {
      const gone = channels.filter((channel) => removed.has(channel)).map((channel) => importance[channel]!);
      const left = channels.filter((channel) => !removed.has(channel)).map((channel) => importance[channel]!);
      assert.equal(gone.length, channels.length / 4);
      assert.ok(Math.max(...gone) <= Math.min(...left));
    }
  });

  it('keeps counts at multiples', async () => {
    const { graph, coupling, importance } = await network();
    const removed = chooseChannels(graph, coupling, importance, choice('channels', 0.4, 48, { multiple: 8 }));
    const left = coupling.groups.map(({ channels }) => channels.filter((channel) => !removed.has(channel)).length);
    assert.ok(
      left.every((count) => count % 8 === 0),
      `left ${left}`,
    );
  });

  it('keeps all channels of an excluded layer', async () => {
    const { graph, coupling, importance } = await network();
    const isExcluded = (name: string) => name === 'a';
    const removed = chooseChannels(graph, coupling, importance, choice('channels', 0.3, 48, { isExcluded }));
    const group = coupling.groups.find(({ nodes }) => nodes.includes('a'))!;
    assert.ok(group.channels.every((channel) => !removed.has(channel)));
  });

  it('refuses a ratio that would empty a layer, and names the largest possible one', async () => {
    const { graph, coupling, importance } = await network();
    const attempt = (ratio: number) =>
      chooseChannels(graph, coupling, importance, choice('channels', ratio, 48, { multiple: 1 }));
    let possible = 0;
    assert.throws(
      () => attempt(0.99),
      (error) => {
        assert.ok(error instanceof OctetError);
        assert.equal(error.code, 'RECIPE_INVALID');
        possible = Number(/at most ([\d.]+) of the channels, got 0.99/.exec(error.message)?.[1]);
        return true;
      },
    );
    assert.equal(possible, Math.floor((46 / 48) * 1000) / 1000);
    assert.ok(attempt(possible).size > 0);
  });
});

/** Two layers of channels, of 16 and 32. */
async function network() {
  const { graph, ...rest } = modelFrom(
    [conv('x', 'a', 'w'), node('Relu', ['a'], ['r']), conv('r', 'b', 'w2'), conv('b', 'y', 'w3')],
    [1, 2, 6, 6],
    { w: noise([16, 2, 3, 3], 1), w2: noise([32, 16, 3, 3], 2), w3: noise([3, 32, 3, 3], 3) },
  );
  const coupling = coupleChannels(graph, await shapesOn({ graph, ...rest }, { x: noise([1, 2, 6, 6]) }));
  return { graph, coupling, importance: comparable(weightNorms(graph, coupling, 2), coupling) };
}

function choice(measure: CostMeasure, ratio: number, whole: number, other: Partial<Choice>): Choice {
  const most = whole * (1 - ratio);
  return { measure, most, whole, scope: 'global', multiple: 1, isExcluded: () => false, ...other };
}
