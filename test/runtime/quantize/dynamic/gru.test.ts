/** Oracle: ONNX Runtime's float GRU. States lie within ±1, so 0.02 is a hundredth of their range. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type int, int as intOf, string } from '../../../../runtime/graph/attributes.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../../runtime/graph/build.ts';
import { build, kernelsOf, outputsOf, reasonsOf } from '../built.ts';
import { noise } from '../small-models.ts';

const [steps, batch, inputs] = [6, 2, 8];

function scaled(dims: readonly number[], seed: number) {
  return float32(
    dims,
    noise(dims, seed).data.map((value) => value / 10),
  );
}

/** @param output which of the GRU's outputs is y: 0 all states, 1 the last. */
function gru(hidden: number, output: 0 | 1, attributes: Record<string, ReturnType<typeof int>> = {}, initial = false) {
  const fed = ['x', 'w', 'r', 'b', ...(initial ? ['', 'h0'] : [])];
  const plain = { hidden_size: intOf(hidden), linear_before_reset: intOf(1), ...attributes };
  return modelOf(
    graphOf({
      nodes: [node('GRU', fed, output === 0 ? ['y'] : ['', 'y'], plain, 'gru')],
      inputs: [valueInfo('x', 'float32', [steps, batch, inputs])],
      outputs: [valueInfo('y', 'float32')],
      initializers: {
        w: scaled([1, 3 * hidden, inputs], 1),
        r: scaled([1, 3 * hidden, hidden], 2),
        b: scaled([1, 6 * hidden], 3),
        h0: noise([1, batch, hidden], 4),
      },
    }),
    { '': 14 },
  );
}

for (const output of [0, 1] as const)
  for (const initial of [false, true])
    test(`a wide GRU runs its products in int8 (${output === 0 ? 'all states' : 'last state'}${initial ? ', given the first' : ''})`, async () => {
      const model = gru(384, output, {}, initial);
      const built = await build(model, { kind: 'dynamic' });
      assert.equal(kernelsOf(built).gru, 'DynamicQuantizeMatMul');
      const feeds = [{ x: noise([steps, batch, inputs], 9) }];
      const [exact, int8] = [await outputsOf(model, feeds), await outputsOf(built.bytes, feeds)];
      assert.equal(int8.length, exact.length);
      const worst = exact.reduce((most, value, i) => Math.max(most, Math.abs(value - int8[i]!)), 0);
      assert.ok(worst > 0 && worst < 0.02, `differ by ${worst}`);
    });

test('a narrow GRU, or one that is not plain, stays float and says why', async () => {
  const cases = [
    [gru(8, 1), /below 384 hidden values/],
    [gru(384, 1, { linear_before_reset: intOf(0) }), /resets before its product/],
    [gru(384, 1, { direction: string('reverse') }), /not a plain forward one/],
  ] as const;
  for (const [model, reason] of cases) {
    // Something else in int8, so that there is a variant to speak of.
    const more = { ...model.graph, nodes: [...model.graph.nodes, node('MatMul', ['x', 'm'], ['z'], {}, 'other')] };
    const extra = graphOf({ nodes: [], outputs: [], initializers: { m: noise([inputs, 4]) } }).initializers;
    const outputs = [...more.outputs, valueInfo('z', 'float32')];
    const graph = { ...more, outputs, initializers: new Map([...more.initializers, ...extra]) };
    assert.match(reasonsOf(await build({ ...model, graph }, { kind: 'dynamic' })).gru ?? '', reason);
  }
});
