import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { TensorProtoSchema } from 'onnx-buf';
import { graph } from '../../../runtime/graph/attributes.ts';
import { float32, type GraphParts, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { storedFromMessage } from '../../../runtime/graph/messages.ts';
import { assertSound, verifyGraph } from '../../../runtime/graph/verify.ts';
import { branchingModel, constantModel, denseModel } from './example-models.ts';

const x = valueInfo('x', 'float32', [1]);
const y = valueInfo('y', 'float32', [1]);

function problemsOf(parts: Partial<GraphParts>): readonly string[] {
  const model = modelOf(graphOf({ inputs: [x], outputs: [y], nodes: [node('Relu', ['x'], ['y'])], ...parts }));
  return verifyGraph(model).map(({ where, message }) => `${where}: ${message}`);
}

function assertProblem(parts: Partial<GraphParts>, expected: RegExp): void {
  const problems = problemsOf(parts);
  assert.equal(problems.length, 1, problems.join('\n'));
  assert.match(problems[0] ?? '', expected);
}

describe('the verifier', () => {
  it('finds nothing wrong with sound models', () => {
    for (const model of [denseModel(), branchingModel(), constantModel()]) assert.deepEqual(verifyGraph(model), []);
    assert.deepEqual(problemsOf({}), []);
  });

  it('finds an input that nothing defines', () => {
    assertProblem(
      { nodes: [node('Add', ['x', 'ghost'], ['y'], {}, 'sum')] },
      /node "sum" \(Add\): input "ghost".*nothing/,
    );
  });

  it('finds a node that comes before what it needs', () => {
    assertProblem({ nodes: [node('Relu', ['a'], ['y']), node('Abs', ['x'], ['a'])] }, /"a".*topological/);
  });

  it('finds a value defined twice', () => {
    assertProblem({ nodes: [node('Relu', ['x'], ['y']), node('Abs', ['x'], ['y'])] }, /"y": expected one definition/);
    assertProblem({ initializers: { y: float32([1], [0]) } }, /"y": expected one definition/);
  });

  it('lets an input have an initializer as its default', () => {
    assert.deepEqual(problemsOf({ initializers: { x: float32([1], [0]) } }), []);
  });

  it('finds an output that nothing makes', () => {
    assertProblem({ outputs: [valueInfo('z', 'float32')] }, /output "z"/);
  });

  it('finds an initializer with too few bytes, or a negative size', () => {
    const stored = (dims: bigint[]) =>
      storedFromMessage(
        create(TensorProtoSchema, { name: 'w', dataType: 1, dims, rawData: new Uint8Array(4) }),
        undefined,
      );
    assertProblem({ initializers: [stored([2n])] }, /"w": expected 8 bytes for dims \[2\], got 4/);
    assertProblem({ initializers: [stored([-1n])] }, /"w": expected sizes from 0/);
  });

  it('finds a domain without an operator set', () => {
    assertProblem({ nodes: [node('com.microsoft:Gelu', ['x'], ['y'])] }, /operator set for domain "com.microsoft"/);
  });

  describe('inside a body', () => {
    const choice = (body: GraphParts) =>
      ({
        inputs: [x, valueInfo('flag', 'bool', [])],
        nodes: [node('If', ['flag'], ['y'], { then_branch: graph(graphOf(body)), else_branch: graph(graphOf(sound)) })],
      }) satisfies Partial<GraphParts>;
    const sound: GraphParts = { nodes: [node('Abs', ['x'], ['e'])], outputs: [valueInfo('e', 'float32')] };

    it('lets nodes use values from around', () => {
      assert.deepEqual(
        problemsOf(choice({ nodes: [node('Relu', ['x'], ['t'])], outputs: [valueInfo('t', 'float32')] })),
        [],
      );
    });

    it('finds a value that is made only later outside', () => {
      const body = { nodes: [node('Relu', ['y'], ['t'])], outputs: [valueInfo('t', 'float32')] };
      assertProblem(choice(body), /\(If\): graph "graph": node "" \(Relu\): input "y"/);
    });

    it('finds a name that hides one from around', () => {
      const body = { nodes: [node('Relu', ['x'], ['x'])], outputs: [valueInfo('x', 'float32')] };
      assertProblem(choice(body), /"x": expected a name of its own/);
    });

    it('finds an output taken straight from around', () => {
      assertProblem(
        choice({ nodes: [], outputs: [valueInfo('x', 'float32')] }),
        /output "x": expected a value of this graph/,
      );
    });
  });

  it('as an assertion names the model and what is wrong', () => {
    const broken = modelOf(graphOf({ nodes: [], outputs: [y] }));
    assert.throws(() => assertSound(broken), { code: 'GRAPH_INVALID', message: /built: graph "graph": output "y"/ });
    assert.doesNotThrow(() => assertSound(denseModel()));
  });
});
