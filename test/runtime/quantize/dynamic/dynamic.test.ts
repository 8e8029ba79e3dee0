/** Oracle: ONNX Runtime: it says what fuses, and the float model's outputs are the numbers to come close to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSession } from '../../../../runtime/engine/session.ts';
import { float, int, string } from '../../../../runtime/graph/attributes.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { parseModel } from '../../../../runtime/graph/load.ts';
import type { Model, Node } from '../../../../runtime/graph/model.ts';
import { encodeModel } from '../../../../runtime/graph/save.ts';
import type { Tensor } from '../../../../runtime/graph/tensor.ts';
import { assertSound } from '../../../../runtime/graph/verify.ts';
import { quantizeDynamic } from '../../../../runtime/quantize/dynamic/dynamic.ts';
import type { DynamicRecipe } from '../../../../runtime/quantize/recipe.ts';
import { dynamicHere } from '../built.ts';
import { conv, modelFrom, noise } from '../small-models.ts';

async function quantizeSmall(model: Model, options: Partial<DynamicRecipe> = {}) {
  const built = await quantizeDynamic(model, dynamicHere(options));
  assert.ok(built.ok, built.ok ? '' : built.reason);
  assertSound(parseModel(built.bytes));
  return built;
}

/** The largest difference of outputs, as a share of the largest output. */
async function relativeError(model: Model, bytes: Uint8Array, x: Tensor): Promise<number> {
  const [exact, int8] = [await openSession(encodeModel(model)), await openSession(bytes)];
  const [a, b] = [(await exact.run({ x })).y!, (await int8.run({ x })).y!] as Tensor<'float32'>[];
  const differences = a!.data.map((value, i) => Math.abs(value - b!.data[i]!));
  return Math.max(...differences) / Math.max(...a!.data.map(Math.abs));
}

/** Two roundings, of the input and of the weights, each to a 1/255 of the range, averaged over the sum. */
const tolerance = 0.02;

const m = noise([16, 8]);
const n = noise([8, 16]);
const b = noise([8]);
const products: Record<string, [Node, Record<string, Tensor>]> = {
  MatMul: [node('MatMul', ['x', 'm'], ['y'], {}, 'p'), { m }],
  'Gemm without bias': [node('Gemm', ['x', 'm'], ['y'], {}, 'p'), { m }],
  'Gemm with bias': [node('Gemm', ['x', 'm', 'b'], ['y'], {}, 'p'), { m, b }],
  'Gemm with transposed weights': [node('Gemm', ['x', 'n', 'b'], ['y'], { transB: int(1) }, 'p'), { n, b }],
};

for (const perChannel of [true, false])
  for (const [what, [product, initializers]] of Object.entries(products))
    test(`${what} fuses to DynamicQuantizeMatMul, ${perChannel ? 'per channel' : 'per tensor'}`, async () => {
      const model = modelFrom([product], ['n', 16], initializers);
      const built = await quantizeSmall(model, { perChannel });
      assert.equal(built.outcomes[0]?.kernel, 'DynamicQuantizeMatMul');
      const error = await relativeError(model, built.bytes, noise([3, 16], 5));
      assert.ok(error < tolerance, `expected within ${tolerance}, got ${error}`);
    });

for (const [what, dims] of [
  ['one value', [1]],
  ['a matrix', [3, 8]],
] as const)
  test(`a Gemm whose bias is ${what} runs its product in int8 and adds the bias in float`, async () => {
    const model = modelFrom([node('Gemm', ['x', 'm', 'c'], ['y'], {}, 'p')], [3, 16], { m, c: noise(dims, 4) });
    const built = await quantizeSmall(model);
    assert.equal(built.outcomes[0]?.kernel, 'DynamicQuantizeMatMul');
    assert.ok((await relativeError(model, built.bytes, noise([3, 16], 5))) < tolerance);
  });

test('an LSTM with initial states, lengths and peepholes, of which only the last state is read, keeps them all', async () => {
  const lstm = node('LSTM', ['x', 'W', 'R', 'B', 'lengths', 'h', 'c', 'P'], ['', 'y'], { hidden_size: int(8) }, 'lstm');
  const model = modelFrom([lstm], [6, 1, 4], {
    W: noise([1, 32, 4]),
    R: noise([1, 32, 8], 2),
    B: noise([1, 64], 3),
    lengths: { type: 'int32', dims: [1], data: Int32Array.of(4) },
    h: noise([1, 1, 8], 4),
    c: noise([1, 1, 8], 5),
    P: noise([1, 24], 6),
  });
  const built = await quantizeSmall(model);
  assert.equal(built.outcomes[0]?.kernel, 'DynamicQuantizeLSTM');
  assert.ok((await relativeError(model, built.bytes, noise([6, 1, 4], 5))) < 0.05);
});

for (const direction of ['forward', 'bidirectional'])
  for (const perChannel of [true, false])
    test(`LSTM (${direction}) becomes DynamicQuantizeLSTM, ${perChannel ? 'per channel' : 'per tensor'}`, async () => {
      const directions = direction === 'forward' ? 1 : 2;
      const attributes = { hidden_size: int(8), direction: string(direction) };
      const lstm = node('LSTM', ['x', 'W', 'R', 'B'], ['y'], attributes, 'lstm');
      const initializers = {
        W: noise([directions, 32, 4]),
        R: noise([directions, 32, 8], 2),
        B: noise([directions, 64], 3),
      };
      const model = modelFrom([lstm], [6, 1, 4], initializers);
      const built = await quantizeSmall(model, { perChannel });
      assert.deepEqual(built.outcomes, [{ node: 'lstm', opType: 'LSTM', kernel: 'DynamicQuantizeLSTM' }]);
      const error = await relativeError(model, built.bytes, noise([6, 1, 4], 5));
      assert.ok(error < 0.05, `expected within 5 % after six steps, got ${error}`);
    });

test('Conv is left in float, and says why', async () => {
  const nodes = [conv('x', 'a'), node('MatMul', ['a', 'm'], ['y'], {}, 'p')];
  const model = modelFrom(nodes, [1, 4, 8, 16], { w: noise([4, 4, 3, 3]), m });
  const { outcomes } = await quantizeSmall(model);
  assert.match(outcomes[0]?.reason ?? '', /slower/);
  assert.ok(outcomes[1]?.kernel);
});

test('a tensor that two products read is quantised once', async () => {
  const nodes = [
    node('MatMul', ['x', 'm'], ['p'], {}, 'p'),
    node('MatMul', ['x', 'k'], ['q'], {}, 'q'),
    node('Add', ['p', 'q'], ['y'], {}, 'add'),
  ];
  const model = modelFrom(nodes, [4, 16], { m, k: noise([16, 8], 9) });
  const built = await quantizeSmall(model);
  const { graph } = parseModel(built.bytes);
  assert.equal(graph.nodes.filter(({ opType }) => opType === 'DynamicQuantizeLinear').length, 1);
  assert.ok((await relativeError(model, built.bytes, noise([4, 16], 5))) < tolerance);
});

test('a scaled Gemm and a product of two activations stay float, with the reason', async () => {
  const nodes = [
    node('Gemm', ['x', 'm'], ['p'], { alpha: float(0.5) }, 'scaled'),
    node('MatMul', ['p', 'p'], ['q'], {}, 'square'),
    node('MatMul', ['q', 'k'], ['y'], {}, 'plain'),
  ];
  const { outcomes } = await quantizeSmall(modelFrom(nodes, [8, 16], { m, k: noise([8, 8]) }));
  assert.deepEqual(
    outcomes.map(({ kernel, reason }) => kernel ?? reason),
    ['alpha is not 1', 'its weights are not a constant float32 matrix', 'DynamicQuantizeMatMul'],
  );
});

test('a purely convolutional model is left alone', async () => {
  const model = modelFrom([conv('x', 'y')], [1, 4, 8, 8], { w: noise([4, 4, 3, 3]) });
  const built = await quantizeDynamic(model, dynamicHere());
  assert.equal(built.ok, false);
});
