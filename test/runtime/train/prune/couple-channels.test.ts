/** Which channels go together, in networks whose operators each say something different about it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openModel } from '../../../../runtime/engine/open-model.ts';
import { int, ints } from '../../../../runtime/graph/attributes.ts';
import { float32, int64, node } from '../../../../runtime/graph/build.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import type { Feeds } from '../../../../runtime/graph/tensor.ts';
import { shapesOn } from '../../../../runtime/quantize/prepare/run-shapes.ts';
import { coupleChannels } from '../../../../runtime/train/prune/coupling/couple-channels.ts';
import { removeChannels } from '../../../../runtime/train/prune/remove-channels.ts';
import { modelFrom, noise } from '../../quantize/small-models.ts';
import { zeroChannels } from './zero-channels.ts';

describe('coupling of channels', () => {
  it('takes the same channel of every head of attention, of queries and keys together and of values apart', async () => {
    const { coupling } = await coupled(attention(), [1, 5, 8]);
    assert.deepEqual(
      coupling.groups.map(({ nodes, channels, width }) => ({ nodes, channels: channels.length, width })),
      [
        { nodes: ['q', 'k'], channels: 4, width: 2 },
        { nodes: ['v'], channels: 4, width: 2 },
      ],
    );
  });

  it('removes a channel of attention heads', async () => {
    await assertSameAsZeroed(attention(), [1, 5, 8], 1);
  });

  for (const [opType, gates] of [
    ['LSTM', 4],
    ['GRU', 3],
    ['RNN', 1],
  ] as const)
    it(`removes hidden units of ${opType} with all their gates`, async () => {
      await assertSameAsZeroed(recurrent(opType, gates), [6, 1, 3], 2);
    });

  it('leaves what a LayerNormalization or a Softmax mixes whole, and names it', async () => {
    const model = modelFrom(
      [
        node('MatMul', ['x', 'w'], ['h'], {}, 'first'),
        node('LayerNormalization', ['h', 's'], ['n'], {}, 'norm'),
        node('MatMul', ['n', 'w2'], ['g'], {}, 'second'),
        node('Softmax', ['g'], ['p'], {}, 'soft'),
        node('MatMul', ['p', 'w3'], ['y'], {}, 'third'),
      ],
      [1, 4],
      { w: noise([4, 6]), s: noise([6]), w2: noise([6, 5]), w3: noise([5, 3]) },
    );
    const { coupling } = await coupled({ ...model, opsets: new Map([['', 17]]) }, [1, 4]);
    assert.equal(coupling.groups.length, 0);
    assert.deepEqual(
      coupling.whole.map(({ node: name, reason }) => [name, reason]),
      [
        ['first', 'LayerNormalization mixes all of it ("norm")'],
        ['second', 'Softmax mixes all of it ("soft")'],
        ['third', 'it is an output of the model'],
      ],
    );
  });

  it('leaves what an operator outside the table touches whole, and names the operator', async () => {
    const model = modelFrom(
      [
        node('MatMul', ['x', 'w'], ['h'], {}, 'first'),
        node('CumSum', ['h', 'axis'], ['c'], {}, 'sum'),
        node('MatMul', ['c', 'w2'], ['y'], {}, 'second'),
      ],
      [1, 4],
      { w: noise([4, 6]), w2: noise([6, 3]), axis: int64([], [1]) },
    );
    const { coupling } = await coupled(model, [1, 4]);
    assert.deepEqual(coupling.groups, []);
    assert.match(coupling.whole[0]!.reason, /CumSum is not followed \("sum"\)/);
  });

  it('follows a flattening whose batch size is computed, as exporters write it', async () => {
    const model = modelFrom(
      [
        node('Conv', ['x', 'w'], ['c'], {}, 'conv'),
        node('Shape', ['c'], ['shape']),
        node('Gather', ['shape', 'zero'], ['batch']),
        node('Unsqueeze', ['batch', 'axes'], ['batch1']),
        node('Concat', ['batch1', 'rest'], ['flat'], { axis: int(0) }),
        node('Reshape', ['c', 'flat'], ['f']),
        node('Gemm', ['f', 'w2'], ['y'], {}, 'head'),
      ],
      [1, 2, 3, 3],
      {
        ...{ w: noise([4, 2, 1, 1]), w2: noise([36, 3]) },
        ...{ zero: int64([], [0]), axes: int64([1], [0]), rest: int64([1], [-1]) },
      },
    );
    await assertSameAsZeroed(model, [1, 2, 3, 3], 2);
  });

  it('keeps an axis whose size something computes with', async () => {
    const model = modelFrom(
      [
        node('Conv', ['x', 'w'], ['c'], {}, 'conv'),
        node('Shape', ['c'], ['shape']),
        node('Gather', ['shape', 'one'], ['size']),
        node('Cast', ['size'], ['count'], { to: int(1) }),
        node('Div', ['c', 'count'], ['d']),
        node('Conv', ['d', 'w2'], ['y'], {}, 'head'),
      ],
      [1, 2, 3, 3],
      { w: noise([4, 2, 1, 1]), w2: noise([3, 4, 1, 1]), one: int64([], [1]) },
    );
    const { coupling } = await coupled(model, [1, 2, 3, 3]);
    assert.match(coupling.whole[0]!.reason, /its size is computed with/);
  });

  it('cuts a model of free batch size that then runs at any', async () => {
    const model = modelFrom(
      [
        node('Conv', ['x', 'w'], ['c'], {}, 'conv'),
        node('Reshape', ['c', 'shape'], ['f']),
        node('Gemm', ['f', 'w2'], ['y'], {}, 'head'),
      ],
      ['batch', 2, 3, 3],
      { w: noise([4, 2, 1, 1]), w2: noise([36, 3]), shape: int64([2], [-1, 36]) },
    );
    const { coupling } = await coupled(model, [1, 2, 3, 3]);
    const pruned = removeChannels(model, coupling, new Set(coupling.groups[0]!.channels.slice(1)));
    const y = await outputOf(pruned, { x: noise([5, 2, 3, 3]) });
    assert.equal(y.length, 15);
  });
});

/** Two heads of width 4 over five tokens of width 8. */
function attention(): Model {
  const heads = (name: string, perm: readonly number[]) => [
    node('MatMul', ['x', `w${name}`], [`${name}0`], {}, name),
    node('Add', [`${name}0`, `b${name}`], [`${name}1`]),
    node('Reshape', [`${name}1`, 'apart'], [`${name}2`]),
    node('Transpose', [`${name}2`], [`${name}h`], { perm: ints(perm) }),
  ];
  return modelFrom(
    [
      ...heads('q', [0, 2, 1, 3]),
      ...heads('k', [0, 2, 3, 1]),
      ...heads('v', [0, 2, 1, 3]),
      node('MatMul', ['qh', 'kh'], ['scores']),
      node('Softmax', ['scores'], ['p'], { axis: int(-1) }),
      node('MatMul', ['p', 'vh'], ['mixed']),
      node('Transpose', ['mixed'], ['turned'], { perm: ints([0, 2, 1, 3]) }),
      node('Reshape', ['turned', 'together'], ['flat']),
      node('MatMul', ['flat', 'wo'], ['y'], {}, 'o'),
    ],
    [1, 5, 8],
    {
      ...{ wq: noise([8, 8], 1), wk: noise([8, 8], 2), wv: noise([8, 8], 3), wo: noise([8, 8], 4) },
      ...{ bq: noise([8], 5), bk: noise([8], 6), bv: noise([8], 7) },
      ...{ apart: int64([4], [0, 5, 2, 4]), together: int64([3], [0, -1, 8]) },
    },
  );
}

function recurrent(opType: string, gates: number): Model {
  const hidden = 4;
  return modelFrom(
    [
      node(opType, ['x', 'w', 'r', 'b'], ['', 'h'], { hidden_size: int(hidden), direction: bidirectional }, 'cell'),
      node('Transpose', ['h'], ['t'], { perm: ints([1, 0, 2]) }),
      node('Reshape', ['t', 'shape'], ['f']),
      node('Gemm', ['f', 'head', 'shift'], ['y'], {}, 'head'),
    ],
    [6, 1, 3],
    {
      ...{ w: noise([2, gates * hidden, 3], 1), r: noise([2, gates * hidden, hidden], 2) },
      ...{ b: noise([2, 2 * gates * hidden], 3), head: noise([2 * hidden, 3], 4), shift: float32([3], [1, 2, 3]) },
      shape: int64([2], [1, 2 * hidden]),
    },
  );
}

const bidirectional = { kind: 'string', value: new TextEncoder().encode('bidirectional') } as const;

async function coupled(model: Model, dims: readonly number[]) {
  const feeds = { x: noise(dims, 9) };
  return { feeds, coupling: coupleChannels(model.graph, await shapesOn(model, feeds)) };
}

async function assertSameAsZeroed(model: Model, dims: readonly number[], count: number): Promise<void> {
  const { feeds, coupling } = await coupled(model, dims);
  const removed = new Set(coupling.groups[0]!.channels.slice(0, count));
  const pruned = removeChannels(model, coupling, removed);
  assert.ok(pruned.graph.initializers.size > 0);
  const [got, expected] = [
    await outputOf(pruned, feeds),
    await outputOf(zeroChannels(model, coupling, removed), feeds),
  ];
  assert.equal(got.length, expected.length);
  got.forEach((value, at) => {
    assert.ok(Math.abs(value - expected[at]!) < 1e-5, `output ${at}: ${value}, zeroed ${expected[at]}`);
  });
}

async function outputOf(model: Model, feeds: Feeds): Promise<number[]> {
  const session = await openModel(model);
  try {
    return Array.from((await session.run(feeds)).y!.data as Float32Array);
  } finally {
    await session.close();
  }
}
