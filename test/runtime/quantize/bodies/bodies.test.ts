/** Oracle: the float model run by ONNX Runtime. 8 % of the output's range is what two rounded layers of noise stay below. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { graph as graphAttribute } from '../../../../runtime/graph/attributes.ts';
import { float32, graphOf, int64, modelOf, node, valueInfo } from '../../../../runtime/graph/build.ts';
import { parseModel } from '../../../../runtime/graph/load.ts';
import type { Graph, Model } from '../../../../runtime/graph/model.ts';
import type { Feeds } from '../../../../runtime/graph/tensor.ts';
import { allGraphs } from '../../../../runtime/quantize/bodies/map-graphs.ts';
import { uniqueNames } from '../../../../runtime/quantize/bodies/unique-names.ts';
import { build, kernelsOf, reasonsOf, relativeError } from '../built.ts';
import { conv, noise } from '../small-models.ts';

const dims = [1, 4, 8, 8];
const tolerance = 0.08;

/** Conv and Relu; both bodies use the same names, as exporters may write them. */
function branch(weight: string, prefix = ''): Graph {
  return graphOf({
    name: prefix,
    nodes: [conv('x', 'h', weight, `${prefix}conv`), node('Relu', ['h'], ['r'], {}, `${prefix}relu`)],
    outputs: [valueInfo('r', 'float32')],
  });
}

/** `y = c ? relu(conv(x, w)) : relu(conv(x, v))` */
function choosing(thenBody = branch('w', 'then-'), elseBody = branch('v', 'else-')): Model {
  const bodies = { then_branch: graphAttribute(thenBody), else_branch: graphAttribute(elseBody) };
  const model = modelOf(
    graphOf({
      nodes: [node('If', ['c'], ['y'], bodies, 'if')],
      inputs: [valueInfo('x', 'float32', dims), valueInfo('c', 'bool', [])],
      outputs: [valueInfo('y', 'float32')],
      initializers: { w: noise([4, 4, 3, 3]), v: noise([4, 4, 3, 3], 2) },
    }),
    { '': 13 },
  );
  return { ...model, graph: uniqueNames(model.graph) };
}

function feedsFor(conditions: readonly boolean[]): Feeds[] {
  return conditions.map((condition, i) => ({
    x: noise(dims, i + 1),
    c: { type: 'bool', dims: [], data: Uint8Array.of(Number(condition)) },
  }));
}

function samplesFrom(feeds: readonly Feeds[]) {
  return { count: feeds.length, labels: undefined, feeds: async (i: number) => feeds[i]!, description: 'feeds' };
}

const both = feedsFor([true, false, true, false, true, false]);
const onlyThen = feedsFor([true, true, true]);

test('what reaches a body through nodes that only move it stays float, and does not crash ONNX Runtime', async () => {
  const body = (op: string) =>
    graphAttribute(graphOf({ nodes: [node(op, ['s'], ['r'])], outputs: [valueInfo('r', 'float32')] }));
  const model = modelOf(
    graphOf({
      nodes: [
        conv('x', 'a', 'w'),
        node('Reshape', ['a', 'shape'], ['s'], {}, 'reshape'),
        node('If', ['c'], ['y'], { then_branch: body('Neg'), else_branch: body('Abs') }, 'if'),
      ],
      inputs: [valueInfo('x', 'float32', dims), valueInfo('c', 'bool', [])],
      outputs: [valueInfo('y', 'float32')],
      initializers: { w: noise([4, 4, 3, 3]), shape: int64([2], [4, 64]) },
    }),
    { '': 13 },
  );
  const named = { ...model, graph: uniqueNames(model.graph) };
  await assert.rejects(build(named, { kind: 'static' }, samplesFrom(both)), /no node of this model would run in int8/);
});

describe('a convolution in each branch of an If', () => {
  for (const recipe of [
    { kind: 'static' },
    { kind: 'static', format: 'qoperator' },
    { kind: 'static', activation: 'int8' },
  ])
    test(`${JSON.stringify(recipe)}: both run in int8 and compute the same within the tolerance`, async () => {
      const model = choosing();
      const built = await build(model, recipe, samplesFrom(both));
      assert.deepEqual(kernelsOf(built), {
        'then-conv': 'QLinearConv',
        'then-relu': 'QLinearConv',
        'else-conv': 'QLinearConv',
        'else-relu': 'QLinearConv',
      });
      const error = await relativeError(model, built, both);
      assert.ok(error < tolerance, `relative error ${error}`);
    });

  test('a branch that no sample takes stays float and exact, and says why', async () => {
    const model = choosing();
    const built = await build(model, { kind: 'static' }, samplesFrom(onlyThen));
    assert.deepEqual(reasonsOf(built), {
      'else-conv': 'the calibration data never reached it',
      'else-relu': 'nothing int8 to fold it into',
    });
    const other = feedsFor([false]);
    // Exact up to the order in which ONNX Runtime adds.
    assert.ok((await relativeError(model, built, other)) < 1e-5);
  });

  test('a weight that both branches use is stored once', async () => {
    const model = choosing(branch('w', 'then-'), branch('w', 'else-'));
    const { bytes } = await build(model, { kind: 'static' }, samplesFrom(both));
    const stored = allGraphs(parseModel(bytes).graph).flatMap(({ initializers }) => [...initializers.values()]);
    assert.equal(stored.filter(({ type, dims: size }) => type === 'int8' && size.length === 4).length, 1);
  });

  test('weight-only reaches into bodies, too', async () => {
    const built = await build(choosing(), { kind: 'weight-only', bits: 8, unpacked: true });
    assert.match(reasonsOf(built)['else-conv'] ?? '', /int8 on disk/);
    assert.ok((await relativeError(choosing(), built, both)) < 0.02);
  });
});

test('names that two branches share are told apart, and the model computes what it did', async () => {
  const { graph } = choosing();
  const values = allGraphs(graph).flatMap(({ nodes }) => nodes.flatMap(({ outputs }) => outputs));
  assert.equal(new Set(values).size, values.length);
  assert.deepEqual(
    graph.outputs.map(({ name }) => name),
    ['y'],
  );
});

test('an If inside an If is quantised in its depth', async () => {
  const inner = graphOf({
    nodes: [
      node('If', ['c'], ['i'], {
        then_branch: graphAttribute(branch('w', 'a-')),
        else_branch: graphAttribute(branch('v', 'b-')),
      }),
    ],
    outputs: [valueInfo('i', 'float32')],
  });
  const model = choosing(inner, branch('v', 'else-'));
  const built = await build(model, { kind: 'static' }, samplesFrom(both));
  const kernels = kernelsOf(built);
  assert.equal(kernels['a-conv'], 'QLinearConv');
  assert.equal(kernels['else-conv'], 'QLinearConv');
  // The outer condition is the inner one, so nothing ever gets there.
  assert.equal(kernels['b-conv'], 'float');
  assert.ok((await relativeError(model, built, both)) < tolerance);
});

describe('a Loop', () => {
  /** Multiplies h by w `n` times, adding rows as it goes when `grows`. */
  function looping(grows: boolean): Model {
    const step = node('MatMul', ['h', 'w'], ['p'], {}, 'product');
    const body = graphOf({
      nodes: [
        node('Identity', ['going'], ['go'], {}, 'go'),
        step,
        grows
          ? node('Concat', ['p', 'x'], ['h2'], { axis: { kind: 'int', value: 0n } }, 'grow')
          : node('Tanh', ['p'], ['h2'], {}, 'tanh'),
      ],
      inputs: [valueInfo('i', 'int64', []), valueInfo('going', 'bool', []), valueInfo('h', 'float32')],
      outputs: [valueInfo('go', 'bool'), valueInfo('h2', 'float32')],
    });
    return modelOf(
      graphOf({
        nodes: [node('Loop', ['n', '', 'x'], ['y'], { body: graphAttribute(body) }, 'loop')],
        inputs: [valueInfo('x', 'float32', [1, 8])],
        outputs: [valueInfo('y', 'float32')],
        initializers: {
          n: int64([], [3]),
          w: float32(
            [8, 8],
            noise([64]).data.map((value) => value / 2),
          ),
        },
      }),
      { '': 13 },
    );
  }
  const feeds = [1, 2, 3, 4].map((seed) => ({ x: noise([1, 8], seed) }));

  for (const grows of [false, true])
    test(`runs its product in int8 with the ranges of all iterations${grows ? ', also when their shapes differ' : ''}`, async () => {
      const model = looping(grows);
      const built = await build(model, { kind: 'static' }, samplesFrom(feeds));
      assert.equal(kernelsOf(built).product, 'MatMulIntegerToFloat');
      assert.ok((await relativeError(model, built, feeds)) < tolerance);
    });

  test('is quantised without data, too', async () => {
    const model = looping(false);
    const built = await build(model, { kind: 'dynamic' });
    assert.equal(kernelsOf(built).product, 'DynamicQuantizeMatMul');
    assert.equal(kernelsOf(built).tanh, 'float');
    assert.ok((await relativeError(model, built, feeds)) < tolerance);
  });
});
