import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSession } from '../../../runtime/engine/session.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { storeTensor } from '../../../runtime/graph/initializer.ts';
import { linksOf } from '../../../runtime/graph/links.ts';
import { type Model, subgraphsOf } from '../../../runtime/graph/model.ts';
import { type Rule, rewriteModel } from '../../../runtime/graph/rewrite.ts';
import { constantToInitializer } from '../../../runtime/graph/rules/constant-to-initializer.ts';
import { fuseMatmulAdd } from '../../../runtime/graph/rules/fuse-matmul-add.ts';
import { removeIdentity } from '../../../runtime/graph/rules/remove-identity.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import type { Feeds, Tensor } from '../../../runtime/graph/tensor.ts';
import { verifyGraph } from '../../../runtime/graph/verify.ts';
import { branchingModel, constantModel, denseModel } from './example-models.ts';

const operators = ({ graph }: Model) => graph.nodes.map(({ opType }) => opType);

async function outputOf(model: Model, feeds: Feeds): Promise<Tensor['data'] | undefined> {
  assert.deepEqual(verifyGraph(model), []);
  const session = await openSession(encodeModel(model));
  try {
    return (await session.run(feeds)).y?.data;
  } finally {
    await session.close();
  }
}

/** A chain of `length` identities between x and y. */
function chain(length: number): Model {
  const names = ['x', ...Array.from({ length }, (_, index) => `v${index}`)];
  const nodes = names.slice(1).map((name, index) => node('Identity', [names[index] ?? ''], [name]));
  return modelOf(
    graphOf({
      nodes: [...nodes, node('Neg', [names.at(-1) ?? ''], ['y'])],
      inputs: [valueInfo('x', 'float32', [1])],
      outputs: [valueInfo('y', 'float32', [1])],
    }),
  );
}

describe('links of a graph', () => {
  it('count a value used inside a body as used by the node that has the body', () => {
    const { producers, consumers, outputs } = linksOf(branchingModel().graph);
    assert.deepEqual(
      consumers.get('limit')?.map(({ opType }) => opType),
      ['If'],
    );
    assert.deepEqual(
      consumers.get('x')?.map(({ opType }) => opType),
      ['ReduceSum', 'If'],
    );
    assert.equal(producers.get('total')?.opType, 'ReduceSum');
    assert.deepEqual(outputs, new Set(['y']));
  });
});

describe('removeIdentity', () => {
  it('joins what an Identity separates, however long the chain', async () => {
    const rewritten = rewriteModel(chain(50), [removeIdentity]);
    assert.deepEqual(operators(rewritten), ['Neg']);
    assert.deepEqual(await outputOf(rewritten, { x: float32([1], [3]) }), Float32Array.of(-3));
  });

  it('leaves the Identity that makes an output', () => {
    const model = modelOf(
      graphOf({
        nodes: [node('Identity', ['x'], ['y'])],
        inputs: [valueInfo('x', 'float32', [1])],
        outputs: [valueInfo('y', 'float32', [1])],
      }),
    );
    assert.deepEqual(operators(rewriteModel(model, [removeIdentity])), ['Identity']);
  });

  it('works inside bodies, and the branches still compute the same', async () => {
    const rewritten = rewriteModel(branchingModel(), [removeIdentity, constantToInitializer]);
    const bodies = rewritten.graph.nodes.flatMap(subgraphsOf);
    assert.deepEqual(
      bodies.map(({ nodes }) => nodes.map(({ opType }) => opType)),
      [['Mul'], ['Sub']],
    );
    for (const values of [
      [1, 2],
      [-1, -2],
    ]) {
      const feeds = { x: float32([2], values) };
      assert.deepEqual(await outputOf(rewritten, feeds), await outputOf(branchingModel(), feeds));
    }
  });
});

describe('constantToInitializer', () => {
  it('makes a Constant an initializer of the same name and value', async () => {
    const rewritten = rewriteModel(constantModel(), [constantToInitializer]);
    assert.deepEqual(operators(rewritten), ['Reshape', 'LeakyRelu']);
    const feeds = { x: float32([2, 3], [-4, 1, -2, 3, 0, 8]) };
    assert.deepEqual(await outputOf(rewritten, feeds), Float32Array.of(-1, 1, -0.5, 3, 0, 8));
  });

  it('leaves old files alone, in which every initializer is an input', () => {
    const old = { ...constantModel(), irVersion: 3 };
    assert.ok(operators(rewriteModel(old, [constantToInitializer])).includes('Constant'));
  });
});

describe('fuseMatmulAdd', () => {
  it('makes one Gemm of a product and its bias', async () => {
    const rewritten = rewriteModel(denseModel(), [fuseMatmulAdd]);
    assert.deepEqual(operators(rewritten), ['Gemm', 'Relu']);
    const feeds = { x: float32([2, 3], [1, 0, -1, 2, 1, 0]) };
    // Small integers and halves: exact in float32 in whatever order they are added.
    assert.deepEqual(await outputOf(rewritten, feeds), await outputOf(denseModel(), feeds));
  });

  const refused: readonly (readonly [why: string, change: (model: Model) => Model])[] = [
    [
      'the input may have any rank',
      ({ graph, ...rest }) => ({ ...rest, graph: { ...graph, inputs: [valueInfo('x', 'float32')] } }),
    ],
    [
      'the product is also an output',
      ({ graph, ...rest }) => ({
        ...rest,
        graph: { ...graph, outputs: [...graph.outputs, valueInfo('xw', 'float32')] },
      }),
    ],
    [
      'the bias is computed',
      ({ graph, ...rest }) => ({
        ...rest,
        graph: { ...graph, inputs: [...graph.inputs, valueInfo('c', 'float32', [2])] },
      }),
    ],
  ];
  for (const [why, change] of refused) {
    it(`does nothing when ${why}`, () => {
      assert.deepEqual(operators(rewriteModel(change(denseModel()), [fuseMatmulAdd])), ['MatMul', 'Add', 'Relu']);
    });
  }
});

describe('the rewriting driver', () => {
  it('removes what is left without users, and keeps inputs', () => {
    const { graph, ...rest } = denseModel();
    const unused = storeTensor('unused', float32([1], [1]));
    const initializers = new Map([...graph.initializers, ['unused', unused] as const]);
    const nodes = [node('Neg', ['x'], ['nobody']), ...graph.nodes];
    const inputs = [...graph.inputs, valueInfo('ignored', 'float32', [1])];
    const rewritten = rewriteModel({ ...rest, graph: { ...graph, initializers, nodes, inputs } }, []);
    assert.deepEqual(operators(rewritten), ['MatMul', 'Add', 'Relu']);
    assert.deepEqual([...rewritten.graph.initializers.keys()], ['w', 'c']);
    assert.equal(rewritten.graph.inputs.length, 2);
  });

  it('gives rules names that nothing has', () => {
    const names: string[] = [];
    const asker: Rule = {
      name: 'askForNames',
      opTypes: ['Relu'],
      replace(_, { freshName }) {
        if (names.length === 0) names.push(freshName('w'), freshName('w'), freshName('free'));
        return undefined;
      },
    };
    rewriteModel(denseModel(), [asker]);
    assert.deepEqual(names, ['w_1', 'w_2', 'free']);
  });

  it('stops rules that undo each other', () => {
    const swap = (from: string, to: string): Rule => ({
      name: `${from}To${to}`,
      opTypes: [from],
      replace: (old) => ({ nodes: [{ ...old, opType: to }] }),
    });
    assert.throws(() => rewriteModel(denseModel(), [swap('Relu', 'Elu'), swap('Elu', 'Relu')]), {
      code: 'GRAPH_INVALID',
      message: /ReluToElu, EluToRelu to come to rest/,
    });
  });

  it('does not ask a rule about an operator of another domain', () => {
    const { graph, ...rest } = chain(1);
    const nodes = graph.nodes.map((each) => (each.opType === 'Identity' ? { ...each, domain: 'elsewhere' } : each));
    assert.ok(operators(rewriteModel({ ...rest, graph: { ...graph, nodes } }, [removeIdentity])).includes('Identity'));
  });

  it('leaves the model it was given as it was', () => {
    const model = denseModel();
    const before = encodeModel(model);
    rewriteModel(model, [fuseMatmulAdd]);
    assert.deepEqual(encodeModel(model), before);
  });

  it('lets a rule read constants from the graph around a body', () => {
    const seen: (Tensor | undefined)[] = [];
    const reader: Rule = {
      name: 'readConstants',
      opTypes: ['Mul', 'Sub'],
      replace({ inputs: [x = '', other = ''] }, { constant }) {
        seen.push(constant(x), constant(other));
        return undefined;
      },
    };
    rewriteModel(branchingModel(), [reader]);
    assert.deepEqual(seen, [undefined, float32([], [2]), undefined, float32([2], [10, 20])]);
  });
});
