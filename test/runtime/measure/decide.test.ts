import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Samples } from '../../../runtime/data/samples.ts';
import { openSession } from '../../../runtime/engine/session.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import { argmax, decideWindows, decisionOf } from '../../../runtime/measure/decide.ts';
import { chooseFeeds, syntheticFeeds } from '../../../runtime/measure/trial-feeds.ts';

const relu = encodeModel(
  modelOf(
    graphOf({
      nodes: [node('Relu', ['x'], ['y'])],
      inputs: [valueInfo('x', 'float32', ['batch', 3])],
      outputs: [valueInfo('y', 'float32', ['batch', 3])],
    }),
  ),
);

/** Window `index` is largest at class `index % 3`. */
const samples = (count: number): Samples => ({
  count,
  labels: Array.from({ length: count }, (_, index) => (index === 1 ? -1 : index % 3)),
  feeds: async (index) => ({
    x: float32(
      [1, 3],
      [0, 1, 2].map((at) => (at === index % 3 ? 5 : 1)),
    ),
  }),
  description: `${count} made up`,
});

describe('deciding windows', () => {
  it('gives the class with the largest output per window, and the labels beside', async () => {
    const session = await openSession(relu);
    const decided = await decideWindows(session, samples(7), 100, undefined, () => {});
    assert.deepEqual([...decided.decisions!], [0, 1, 2, 0, 1, 2, 0]);
    assert.deepEqual([...decided.labels!], [0, -1, 2, 0, 1, 2, 0]);
    assert.equal(decided.outputs, null);
    await session.close();
  });

  it('takes no more windows than asked, spread over all', async () => {
    const session = await openSession(relu);
    const decided = await decideWindows(session, samples(90), 30, undefined, () => {});
    assert.equal(decided.windows, 30);
    await session.close();
  });

  it('gives the outputs themselves when the task is not to classify', async () => {
    const session = await openSession(relu);
    const decided = await decideWindows(session, samples(2), 2, { kind: 'reconstruct' }, () => {});
    assert.deepEqual([...decided.outputs!], [5, 1, 1, 1, 5, 1]);
    assert.equal(decided.decisions, null);
    await session.close();
  });

  it('takes the first of equals, and nothing where an output is not a number', () => {
    assert.equal(argmax([1, 3, 3]), 1);
    assert.equal(argmax([1, Number.NaN, 3]), -1);
    assert.equal(argmax([]), -1);
    assert.equal(decisionOf([1n, 2n]), 1);
  });
});

describe('the decision by an output', () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    it(`is none when ${bad} is among them, as in the runner`, () => {
      assert.equal(decisionOf([bad, 1, 2]), -1);
      assert.equal(decisionOf([1, 2, bad]), -1);
    });

  it('is the largest of 64-bit integers, too', () => {
    assert.equal(decisionOf([1n, 3n, 2n]), 1);
  });
});

describe('the feeds of a trial', () => {
  it('are real windows spread over those held out, each a copy', async () => {
    const feeds = await chooseFeeds(samples(320));
    assert.equal(feeds.length, 32);
    assert.deepEqual(
      feeds.slice(0, 3).map(({ x }) => argmax(x!.data)),
      [0, 1, 2],
    );
  });

  it('are joined along the first axis where a call takes several windows', async () => {
    const feeds = await chooseFeeds(samples(320), 16);
    assert.equal(feeds.length, 20);
    const one = (await chooseFeeds(samples(320)))[0]!.x!;
    assert.deepEqual(feeds[0]!.x!.dims, [16 * one.dims[0]!, ...one.dims.slice(1)]);
    assert.deepEqual([...feeds[0]!.x!.data.slice(0, one.data.length)], [...one.data]);
  });

  it('are used again where there are fewer than a call takes', async () => {
    const feeds = await chooseFeeds(samples(10), 16);
    assert.deepEqual([feeds.length, feeds[0]!.x!.dims[0]], [1, 16]);
  });

  it('stay within two MiB, but are one at least', async () => {
    const wide = (bytes: number): Samples => ({
      ...samples(100),
      feeds: async () => ({ x: { type: 'uint8', dims: [bytes], data: new Uint8Array(bytes) } }),
    });
    assert.equal((await chooseFeeds(wide(512 * 1024))).length, 4);
    assert.equal((await chooseFeeds(wide(8 * 1024 * 1024))).length, 1);
  });

  it('are synthetic of the stated shape, free sizes 1, where there is no data', () => {
    const { x, ids } = syntheticFeeds([
      { name: 'x', type: 'float32', dims: ['batch', 3] },
      { name: 'ids', type: 'int64', dims: [2] },
    ]);
    assert.deepEqual(x!.dims, [1, 3]);
    assert.equal(x!.data.length, 3);
    assert.deepEqual([...ids!.data], [0n, 0n]);
  });
});
