/** Oracle: ONNX Runtime runs the model before and after; the outputs must agree. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openSession } from '../../../../runtime/engine/session.ts';
import { float, floats, int, ints, string } from '../../../../runtime/graph/attributes.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../../runtime/graph/build.ts';
import { type Model, type Node, opsetVersion } from '../../../../runtime/graph/model.ts';
import { encodeModel, saveModel } from '../../../../runtime/graph/save.ts';
import type { Tensor } from '../../../../runtime/graph/tensor.ts';
import { assertSound } from '../../../../runtime/graph/verify.ts';
import { planQuantization } from '../../../../runtime/quantize/plan.ts';
import { prepareModel } from '../../../../runtime/quantize/prepare/prepare.ts';
import { buildVariant, observeFor } from '../../../../runtime/quantize/quantize.ts';
import { staticHere } from '../built.ts';
import { conv, modelFrom, noise, noiseSamples } from '../small-models.ts';

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-prepare-test-'));
});

after(() => rm(folder, { recursive: true }));

async function prepare(model: Model): Promise<Model> {
  const path = join(folder, 'model.onnx');
  await saveModel(model, path);
  const prepared = await prepareModel(path);
  assertSound(prepared);
  return prepared;
}

async function outputOf(model: Model, x: Tensor): Promise<Tensor<'float32'>> {
  return (await (await openSession(encodeModel(model))).run({ x })).y as Tensor<'float32'>;
}

/** Rounding in float32 only. */
async function assertSameOutputs(a: Model, b: Model, dims: readonly number[]): Promise<void> {
  const x = noise(dims, 3);
  const [before, after] = [await outputOf(a, x), await outputOf(b, x)];
  assert.deepEqual(after.dims, before.dims);
  const worst = Math.max(...before.data.map((value, i) => Math.abs(value - after.data[i]!)));
  assert.ok(worst < 1e-5, `expected equal outputs, got a difference of ${worst}`);
}

const positive = (dims: readonly number[], seed: number) =>
  float32(
    dims,
    noise(dims, seed).data.map((v) => v + 1.5),
  );

for (const transB of [0, 1])
  test(`BatchNormalization after Gemm (transB=${transB}) is folded into its weights`, async () => {
    const nodes = [
      node('Gemm', ['x', 'w', 'b'], ['g'], { transB: int(transB) }, 'gemm'),
      node('BatchNormalization', ['g', 'gamma', 'beta', 'mean', 'variance'], ['y'], { epsilon: float(1e-3) }, 'norm'),
    ];
    const model = modelFrom(nodes, ['n', 8], {
      w: noise(transB ? [6, 8] : [8, 6]),
      b: noise([6], 2),
      gamma: positive([6], 3),
      beta: noise([6], 4),
      mean: noise([6], 5),
      variance: positive([6], 6),
    });
    const prepared = await prepare(model);
    assert.deepEqual(
      prepared.graph.nodes.map(({ opType }) => opType),
      ['Gemm'],
    );
    await assertSameOutputs(model, prepared, [3, 8]);
  });

test('a Relu after MaxPool moves before it, and folds into the convolution', async () => {
  const pool = node('MaxPool', ['a'], ['p'], { kernel_shape: ints([2, 2]) }, 'pool');
  const nodes = [conv('x', 'a'), pool, node('Relu', ['p'], ['y'], {}, 'relu')];
  const model = modelFrom(nodes, [1, 4, 8, 8], { w: noise([4, 4, 3, 3]) });
  const prepared = await prepare(model);
  const plan = (await planQuantization(prepared)).static;
  assert.deepEqual(
    plan.map(({ node: name, kernel }) => [name, kernel]),
    [
      ['a', 'QLinearConv'],
      ['relu', 'QLinearConv'],
      ['pool', 'MaxPool'],
    ],
  );
  await assertSameOutputs(model, prepared, [1, 4, 8, 8]);
});

for (const keepdims of [0, 1])
  for (const axes of [
    [2, 3],
    [-1, -2],
  ])
    test(`ReduceMean over axes ${axes} (keepdims=${keepdims}) becomes pooling, which has an int8 kernel`, async () => {
      const mean = node('ReduceMean', ['r'], ['y'], { axes: ints(axes), keepdims: int(keepdims) }, 'mean');
      const nodes = [conv('x', 'a'), node('Relu', ['a'], ['r'], {}, 'relu'), mean];
      const model = modelFrom(nodes, [1, 4, 8, 8], { w: noise([4, 4, 3, 3]) });
      const prepared = await prepare(model);
      assert.ok(prepared.graph.nodes.some(({ opType }) => opType === 'GlobalAveragePool'));
      await assertSameOutputs(model, prepared, [1, 4, 8, 8]);
    });

test('ReduceMean over the channels stays what it is', async () => {
  const nodes = [conv('x', 'a'), node('ReduceMean', ['a'], ['y'], { axes: ints([1, 2]) }, 'mean')];
  const { graph } = await prepare(modelFrom(nodes, [1, 4, 8, 8], { w: noise([4, 4, 3, 3]) }));
  assert.ok(graph.nodes.some(({ opType }) => opType === 'ReduceMean'));
});

test('a node without a name gets one of its own', async () => {
  const nodes = [node('Tanh', ['x'], ['a']), node('Exp', ['a'], ['y'], {}, 'Tanh:a')];
  const { graph } = await prepare(modelFrom(nodes, [4]));
  assert.deepEqual(
    graph.nodes.map(({ name }) => name),
    ['Tanh:a', 'Tanh:a_'],
  );
});

test('weights that an old exporter listed among the inputs are constants, and quantise', async () => {
  const graph = graphOf({
    nodes: [conv('x', 'y')],
    inputs: [valueInfo('x', 'float32', [1, 4, 8, 8]), valueInfo('w', 'float32', [4, 4, 3, 3])],
    outputs: [valueInfo('y', 'float32')],
    initializers: { w: noise([4, 4, 3, 3]) },
  });
  const model = modelOf(graph, { '': 8 }, 3);
  const prepared = await prepare(model);
  assert.deepEqual(
    prepared.graph.inputs.map(({ name }) => name),
    ['x'],
  );
  assert.equal((await planQuantization(prepared)).static[0]?.kernel, 'QLinearConv');
  await assertSameOutputs(model, prepared, [1, 4, 8, 8]);
});

/** Models in old operator sets, each with a form that later ones do not have. */
const old: [what: string, opset: number, nodes: Node[]][] = [
  ['Clip', 10, [conv('x', 'a'), node('Clip', ['a'], ['y'], { min: float(0), max: float(0.5) }, 'last')]],
  ['Clip without a lower bound', 9, [conv('x', 'a'), node('Clip', ['a'], ['y'], { max: float(0.5) }, 'last')]],
  [
    'Unsqueeze and Squeeze',
    12,
    [
      conv('x', 'a'),
      node('Unsqueeze', ['a'], ['u'], { axes: ints([0]) }, 'up'),
      node('Neg', ['u'], ['n'], {}, 'neg'),
      node('Squeeze', ['n'], ['y'], { axes: ints([0]) }, 'last'),
    ],
  ],
  ['Pad', 9, [conv('x', 'a'), node('Pad', ['a'], ['y'], { pads: ints([0, 0, 1, 1, 0, 0, 1, 1]) }, 'last')]],
  [
    'Slice',
    9,
    [conv('x', 'a'), node('Slice', ['a'], ['y'], { starts: ints([1]), ends: ints([3]), axes: ints([2]) }, 'last')],
  ],
  ['ReduceSum', 11, [conv('x', 'a'), node('ReduceSum', ['a'], ['y'], { axes: ints([1]), keepdims: int(1) }, 'last')]],
  ['Upsample', 9, [conv('x', 'a'), node('Upsample', ['a', 's'], ['y'], { mode: string('nearest') }, 'last')]],
  [
    'Upsample that interpolates',
    9,
    [conv('x', 'a'), node('Upsample', ['a', 's'], ['y'], { mode: string('linear') }, 'last')],
  ],
  [
    'Upsample with its scales as an attribute',
    8,
    [conv('x', 'a'), node('Upsample', ['a'], ['y'], { scales: floats([1, 1, 2, 2]) }, 'last')],
  ],
  ['Resize', 10, [conv('x', 'a'), node('Resize', ['a', 's'], ['y'], { mode: string('nearest') }, 'last')]],
];

for (const [what, opset, nodes] of old)
  test(`${what} of operator set ${opset} is raised to 13 and means the same`, async () => {
    const { graph } = modelFrom(nodes, [1, 4, 8, 8], { w: noise([4, 4, 3, 3]), s: float32([4], [1, 1, 2, 3]) });
    const model = modelOf(graph, { '': opset }, 4);
    const prepared = await prepare(model);
    assert.equal(opsetVersion(prepared), 13);
    assert.equal((await planQuantization(prepared)).static[0]?.kernel, 'QLinearConv');
    await assertSameOutputs(model, prepared, [1, 4, 8, 8]);
  });

test('Softmax over the last axis of a known shape is raised; over more axes it keeps the model where it is', async () => {
  const softmaxOf = async (rank: number) => {
    const dims = Array.from({ length: rank }, () => 4);
    const nodes = [node('MatMul', ['x', 'm'], ['p'], {}, 'p'), node('Softmax', ['p'], ['y'], { axis: int(1) }, 's')];
    const { graph } = modelFrom(nodes, dims, { m: noise([4, 4]) });
    return prepare(modelOf({ ...graph, outputs: [valueInfo('y', 'float32', dims)] }, { '': 11 }, 6));
  };
  assert.equal(opsetVersion(await softmaxOf(2)), 13);
  const kept = await softmaxOf(3);
  assert.equal(opsetVersion(kept), 11);
  assert.match((await planQuantization(kept)).static[0]?.reason ?? '', /operator set 11 cannot be raised .* Softmax/);
  const recipe = staticHere({ equalize: true });
  const built = await buildVariant(kept, recipe, undefined, await observeFor(kept, [recipe], noiseSamples([4, 4, 4])));
  assert.match(built.ok ? '' : built.reason, /operator set 11 cannot be raised .* Softmax/);
});
