import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { openModel } from '../../../runtime/engine/open-model.ts';
import { int, string } from '../../../runtime/graph/attributes.ts';
import { graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { readTensor } from '../../../runtime/graph/initializer.ts';
import type { Model } from '../../../runtime/graph/model.ts';
import type { Feeds, Tensor } from '../../../runtime/graph/tensor.ts';
import { unrollRecurrent } from '../../../runtime/train/recurrent/unroll.ts';
import { assertGradient, noise } from './central-differences.ts';

type Layer = {
  readonly kind: 'LSTM' | 'GRU';
  readonly direction: 'forward' | 'reverse' | 'bidirectional';
  readonly hasBias: boolean;
  readonly hasStates: boolean;
  readonly resetsAfter: boolean;
  readonly steps: number;
  readonly seed: number;
};

const layers: fc.Arbitrary<Layer> = fc.record({
  kind: fc.constantFrom('LSTM' as const, 'GRU' as const),
  direction: fc.constantFrom('forward' as const, 'reverse' as const, 'bidirectional' as const),
  hasBias: fc.boolean(),
  hasStates: fc.boolean(),
  resetsAfter: fc.boolean(),
  steps: fc.integer({ min: 1, max: 3 }),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

const [batch, input, hidden] = [2, 2, 2];

function modelFrom({ kind, direction, hasBias, hasStates, resetsAfter, steps, seed }: Layer): {
  model: Model;
  feeds: Record<string, Tensor<'float32'>>;
} {
  const [gates, states] = kind === 'LSTM' ? [4, 2] : [3, 1];
  const tracks = direction === 'bidirectional' ? 2 : 1;
  const feeds: Record<string, Tensor<'float32'>> = {
    x: noise([steps, batch, input], seed),
    w: noise([tracks, gates * hidden, input], seed + 1),
    r: noise([tracks, gates * hidden, hidden], seed + 2),
    ...(hasBias ? { b: noise([tracks, 2 * gates * hidden], seed + 3) } : {}),
    ...(hasStates ? { h: noise([tracks, batch, hidden], seed + 4) } : {}),
    ...(hasStates && states === 2 ? { c: noise([tracks, batch, hidden], seed + 5) } : {}),
  };
  const names = ['x', 'w', 'r', hasBias ? 'b' : '', '', hasStates ? 'h' : '', hasStates && states === 2 ? 'c' : ''];
  const outputs = ['y', 'last', ...(states === 2 ? ['cell'] : [])];
  const attributes = {
    hidden_size: int(hidden),
    direction: string(direction),
    ...(kind === 'GRU' ? { linear_before_reset: int(resetsAfter ? 1 : 0) } : {}),
  };
  const model = modelOf(
    graphOf({
      nodes: [node(kind, names.slice(0, names.findLastIndex(Boolean) + 1), outputs, attributes, 'layer')],
      inputs: Object.entries(feeds).map(([name, { dims }]) => valueInfo(name, 'float32', dims)),
      outputs: outputs.map((name) => valueInfo(name, 'float32')),
    }),
  );
  return { model, feeds };
}

async function run(model: Model, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await openModel(model);
  const results = await session.run(feeds);
  await session.close();
  return results;
}

describe('an unrolled recurrent layer', () => {
  test('computes what the layer computes', async () => {
    await fc.assert(
      fc.asyncProperty(layers, async (layer) => {
        const { model, feeds } = modelFrom(layer);
        const graph = unrollRecurrent(model.graph, (name) => feeds[name]!.dims);
        const [expected, got] = [await run(model, feeds), await run({ ...model, graph }, feeds)];
        for (const [name, { dims, data }] of Object.entries(expected)) {
          assert.deepEqual([...got[name]!.dims], [...dims]);
          for (const [i, value] of (data as Float32Array).entries())
            assert.ok(Math.abs(value - (got[name]!.data as Float32Array)[i]!) < 1e-5, `${name}[${i}]`);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('has the gradient that central differences say', async () => {
    await fc.assert(
      fc.asyncProperty(layers, async (layer) => {
        const { model, feeds } = modelFrom(layer);
        const graph = unrollRecurrent(model.graph, (name) => feeds[name]!.dims);
        await assertGradient({
          nodes: graph.nodes,
          inputs: feeds,
          constants: Object.fromEntries([...graph.initializers].map(([name, stored]) => [name, readTensor(stored)])),
          outputs: model.graph.outputs.map(({ name }) => name),
          seed: layer.seed,
        });
      }),
      { numRuns: 6 },
    );
  });

  test('a form that is not unrolled is named', () => {
    const { model, feeds } = modelFrom({
      kind: 'GRU',
      direction: 'forward',
      hasBias: false,
      hasStates: false,
      resetsAfter: false,
      steps: 2,
      seed: 1,
    });
    const [layer] = model.graph.nodes;
    const clipped = {
      ...layer!,
      attributes: new Map([...layer!.attributes, ['clip', { kind: 'float', value: 3 } as const]]),
    };
    assert.throws(() => unrollRecurrent({ ...model.graph, nodes: [clipped] }, (name) => feeds[name]!.dims), {
      code: 'MODEL_UNSUPPORTED',
      message: /"layer" \(GRU\).*clipping/,
    });
  });
});
