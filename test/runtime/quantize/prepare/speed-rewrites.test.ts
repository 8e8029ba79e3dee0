/** Oracle: ONNX Runtime runs the model before and after, on a batch of 3; outputs agree to float32 rounding (1e-4 of values near 1). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openSession } from '../../../../runtime/engine/session.ts';
import { float, int, ints } from '../../../../runtime/graph/attributes.ts';
import { float32, int64, node } from '../../../../runtime/graph/build.ts';
import type { Model } from '../../../../runtime/graph/model.ts';
import { encodeModel } from '../../../../runtime/graph/save.ts';
import type { Tensor } from '../../../../runtime/graph/tensor.ts';
import { assertSound } from '../../../../runtime/graph/verify.ts';
import type { SpeedRewrite } from '../../../../runtime/quantize/prepare/speed-rewrite-names.ts';
import { rewriteForSpeed } from '../../../../runtime/quantize/prepare/speed-rewrites.ts';
import { modelFrom, noise } from '../small-models.ts';

async function outputOf(model: Model, x: Tensor): Promise<Tensor<'float32'>> {
  const session = await openSession(encodeModel(model));
  const { y } = await session.run({ x });
  await session.close();
  return y as Tensor<'float32'>;
}

/** @returns the rewritten model, which gives the same. */
async function rewritten(model: Model, names: readonly SpeedRewrite[], xDims: readonly number[]): Promise<Model> {
  const after = await rewriteForSpeed(model, names);
  assertSound(after);
  const x = noise(xDims, 5);
  const [expected, actual] = [await outputOf(model, x), await outputOf(after, x)];
  assert.deepEqual(actual.dims, expected.dims);
  const worst = Math.max(...expected.data.map((value, i) => Math.abs(value - actual.data[i]!)));
  assert.ok(worst < 1e-4, `expected equal outputs, got a difference of ${worst}`);
  return after;
}

function operatorsOf({ graph }: Model): string[] {
  return graph.nodes.map(({ opType }) => opType);
}

test('a residual network over time becomes two-dimensional with one Unsqueeze and no Squeeze', async () => {
  const nodes = [
    node('Conv', ['x', 'w1', 'b1'], ['c1'], { pads: ints([2, 2]) }, 'c1'),
    node('Relu', ['c1'], ['r1'], {}, 'r1'),
    node('Conv', ['r1', 'w2'], ['c2'], { pads: ints([1, 1]), strides: ints([2]) }, 'c2'),
    node('Conv', ['r1', 'w3'], ['c3'], { strides: ints([2]) }, 'c3'),
    node('Add', ['c2', 'c3'], ['a'], {}, 'a'),
    node('MaxPool', ['a'], ['m'], { kernel_shape: ints([2]), strides: ints([2]) }, 'm'),
    node('GlobalAveragePool', ['m'], ['g'], {}, 'g'),
    node('Flatten', ['g'], ['y'], {}, 'f'),
  ];
  const weights = { w1: noise([8, 3, 5]), b1: noise([8]), w2: noise([8, 8, 3]), w3: noise([8, 8, 1]) };
  const after = await rewritten(modelFrom(nodes, ['n', 3, 32], weights), ['conv-2d'], [3, 3, 32]);
  assert.deepEqual(
    operatorsOf(after).filter((opType) => opType.endsWith('queeze')),
    ['Unsqueeze'],
  );
});

test('a convolution over time whose result is the output keeps its shape', async () => {
  const model = modelFrom([node('Conv', ['x', 'w'], ['y'], {}, 'c')], ['n', 3, 16], { w: noise([4, 3, 3]) });
  await rewritten(model, ['conv-2d'], [3, 3, 16]);
});

test('zero states of an LSTM go, with the nodes that computed their shape', async () => {
  const nodes = [
    node('Shape', ['x'], ['shape'], {}, 's'),
    node('Gather', ['shape', 'one'], ['batch'], {}, 'g'),
    node('Concat', ['directions', 'batch', 'hidden'], ['state'], { axis: int(0) }, 'c'),
    node('ConstantOfShape', ['state'], ['zeros'], {}, 'z'),
    node('LSTM', ['x', 'w', 'r', '', '', 'zeros', 'zeros'], ['y'], { hidden_size: int(4) }, 'lstm'),
  ];
  const weights = { w: noise([1, 16, 5]), r: noise([1, 16, 4]) };
  const shapes = { one: int64([1], [1]), directions: int64([1], [1]), hidden: int64([1], [4]) };
  const after = await rewritten(modelFrom(nodes, [7, 'n', 5], { ...weights, ...shapes }), ['fewer-nodes'], [7, 3, 5]);
  assert.deepEqual(operatorsOf(after), ['LSTM']);
});

test('two constant additions become one, unless the second one broadcasts', async () => {
  const nodes = (second: string) => [
    node('Add', ['x', 'a'], ['s'], {}, 'first'),
    node('Add', ['s', second], ['y'], {}, 'second'),
  ];
  const constants = { a: noise([6]), b: noise([5, 6], 2), c: noise([2, 1, 5, 6], 3) };
  const merged = await rewritten(modelFrom(nodes('b'), ['n', 5, 6], constants), ['fewer-nodes'], [3, 5, 6]);
  assert.deepEqual(operatorsOf(merged), ['Add']);
  const kept = await rewritten(modelFrom(nodes('c'), ['n', 5, 6], constants), ['fewer-nodes'], [3, 5, 6]);
  assert.deepEqual(operatorsOf(kept), ['Add', 'Add']);
});

/** As exporters write it: x is [n, 5, 12], 3 heads of 4. */
function attention(x: string, y: string) {
  const head = (at: number, perm: number[]) => [
    node('Gather', ['heads', `at${at}`], [`g${at}`], { axis: int(2) }, `g${at}`),
    node('Transpose', [`g${at}`], [`t${at}`], { perm: ints(perm) }, `t${at}`),
  ];
  return [
    node('MatMul', [x, 'w'], ['product'], {}, 'product'),
    node('Add', ['product', 'b'], ['biased'], {}, 'biased'),
    node('Reshape', ['biased', 'split'], ['heads'], {}, 'heads'),
    ...head(0, [0, 2, 1, 3]),
    ...head(1, [0, 2, 3, 1]),
    ...head(2, [0, 2, 1, 3]),
    node('MatMul', ['t0', 't1'], ['scores'], {}, 'scores'),
    node('Div', ['scores', 'root'], ['scaled'], {}, 'scaled'),
    node('Softmax', ['scaled'], ['shares'], { axis: int(-1) }, 'shares'),
    node('MatMul', ['shares', 't2'], ['mixed'], {}, 'mixed'),
    node('Transpose', ['mixed'], ['back'], { perm: ints([0, 2, 1, 3]) }, 'back'),
    node('Reshape', ['back', 'join'], [y], {}, 'joined'),
  ];
}

const attentionConstants = {
  w: noise([12, 36]),
  b: noise([36], 2),
  split: int64([5], [-1, 5, 3, 3, 4]),
  join: int64([3], [-1, 5, 12]),
  root: float32([], [2]),
  ...Object.fromEntries([0, 1, 2].map((at) => [`at${at}`, int64([], [at])])),
};

test('self-attention written out becomes one kernel', async () => {
  const model = modelFrom(attention('x', 'y'), ['n', 5, 12], attentionConstants);
  assert.deepEqual(operatorsOf(await rewritten(model, ['fused-attention'], [3, 5, 12])), ['Attention']);
});

test('attention whose keys and values are swapped is left as it is', async () => {
  const swapped = { ...attentionConstants, at1: int64([], [2]), at2: int64([], [1]) };
  const after = await rewritten(modelFrom(attention('x', 'y'), ['n', 5, 12], swapped), ['fused-attention'], [3, 5, 12]);
  assert.ok(!operatorsOf(after).includes('Attention'));
});

test('layer normalisation written out becomes one operator', async () => {
  const nodes = [
    node('Relu', ['x'], ['r'], {}, 'r'),
    node('Add', ['x', 'r'], ['s'], {}, 's'),
    node('ReduceMean', ['s'], ['m'], { axes: ints([-1]) }, 'm'),
    node('Sub', ['s', 'm'], ['d'], {}, 'd'),
    node('Pow', ['d', 'two'], ['p'], {}, 'p'),
    node('ReduceMean', ['p'], ['v'], { axes: ints([-1]) }, 'v'),
    node('Add', ['v', 'epsilon'], ['e'], {}, 'e'),
    node('Sqrt', ['e'], ['q'], {}, 'q'),
    node('Div', ['d', 'q'], ['n'], {}, 'n'),
    node('Mul', ['n', 'gamma'], ['g'], {}, 'g'),
    node('Add', ['g', 'beta'], ['y'], {}, 'y'),
  ];
  const constants = { two: float32([], [2]), epsilon: float32([], [1e-5]), gamma: noise([6]), beta: noise([6], 2) };
  const after = await rewritten(modelFrom(nodes, ['n', 4, 6], constants), ['fused-attention'], [3, 4, 6]);
  assert.deepEqual(operatorsOf(after), ['Relu', 'Add', 'LayerNormalization']);
});

test('positions taken together as channels give the same convolution, for any kernel, stride and padding', async () => {
  const kernels = fc.record({
    channels: fc.constantFrom(1, 2, 3, 6),
    outputs: fc.integer({ min: 1, max: 5 }),
    height: fc.constantFrom(1, 2, 3),
    width: fc.integer({ min: 1, max: 9 }),
    stride: fc.constantFrom(1, 2),
    heightPad: fc.constantFrom(0, 1),
    padding: fc.constantFrom('explicit', 'SAME_UPPER', 'SAME_LOWER'),
    hasBias: fc.boolean(),
    isOneDimensional: fc.boolean(),
    isChannelsLast: fc.boolean(),
    relu: fc.boolean(),
  });
  let folded = 0;
  await fc.assert(
    fc.asyncProperty(kernels, async (k) => {
      const before = Math.floor((k.width - 1) / 2);
      const after = k.width - 1 - before;
      const pads = k.isOneDimensional ? [before, after] : [k.heightPad, before, k.heightPad, after];
      const spatial = k.isOneDimensional ? [16] : [6, 16];
      const padding =
        k.padding === 'explicit'
          ? { pads: ints(pads) }
          : { auto_pad: { kind: 'string', value: Buffer.from(k.padding) } as const };
      const strides = ints(k.isOneDimensional ? [k.stride] : [1, k.stride]);
      const xDims = k.isChannelsLast ? [...spatial, k.channels] : [k.channels, ...spatial];
      const perm = ints([0, spatial.length + 1, ...spatial.map((_, axis) => axis + 1)]);
      const nodes = [
        ...(k.isChannelsLast ? [node('Transpose', ['x'], ['t'], { perm }, 't')] : []),
        node(
          'Conv',
          [k.isChannelsLast ? 't' : 'x', 'w', ...(k.hasBias ? ['b'] : [])],
          ['c'],
          { ...padding, strides },
          'c',
        ),
        node(k.relu ? 'Relu' : 'Neg', ['c'], ['z'], {}, 'z'),
        node('Neg', ['z'], ['y'], {}, 'y'),
      ];
      const w = noise([k.outputs, k.channels, ...(k.isOneDimensional ? [] : [k.height]), k.width]);
      const model = modelFrom(nodes, ['n', ...xDims], { w, b: noise([k.outputs], 2) });
      const result = await rewritten(model, ['fold-width'], [3, ...xDims]);
      folded += Number(operatorsOf(result).includes('Reshape'));
    }),
    { seed: 7, numRuns: 60 },
  );
  assert.ok(folded >= 40, `expected most of 60 cases to be folded, got ${folded}`);
});

test('a convolution with enough channels, or of an inner value, is not folded', async () => {
  const first = modelFrom([node('Conv', ['x', 'w'], ['y'], {}, 'c')], ['n', 4, 8], { w: noise([2, 4, 1]) });
  assert.equal(await rewriteForSpeed(first, ['fold-width']), first);
  const nodes = [node('Relu', ['x'], ['r'], {}, 'r'), node('Conv', ['r', 'w'], ['y'], {}, 'c')];
  const inner = modelFrom(nodes, ['n', 1, 8], { w: noise([2, 1, 1]) });
  assert.equal(await rewriteForSpeed(inner, ['fold-width']), inner);
});

test('a model that no rewrite fits is returned as it is', async () => {
  const model = modelFrom([node('Elu', ['x'], ['y'], { alpha: float(0.5) }, 'e')], ['n', 3]);
  const all = ['folded', 'fewer-nodes', 'fused-attention', 'fold-width', 'conv-2d'] as const;
  assert.equal(await rewriteForSpeed(model, all), model);
});

test('a transposed convolution becomes a convolution and an interleaving, whatever its kernel, pads and groups', async () => {
  for (const [kernel, stride, pads, more, group] of [
    [2, 2, [0, 0, 0, 0], [0, 0], 1],
    [3, 2, [1, 1, 1, 1], [1, 1], 1],
    [4, 2, [1, 1, 1, 1], [0, 0], 1],
    [4, 2, [1, 1, 1, 1], [0, 0], 2],
    [5, 3, [1, 2, 0, 1], [0, 0], 1],
    [1, 2, [0, 0, 0, 0], [0, 0], 1],
  ] as const) {
    const attributes = {
      strides: ints([stride, stride]),
      pads: ints(pads),
      output_padding: ints(more),
      group: int(group),
    };
    const nodes = [
      node('ConvTranspose', ['x', 'w', 'b'], ['t'], attributes, 'up'),
      node('Relu', ['t'], ['y'], {}, 'relu'),
    ];
    const weights = { w: noise([4, 3, kernel, kernel]), b: noise([3 * group], 2) };
    const after = await rewritten(modelFrom(nodes, ['n', 4, 5, 6], weights), ['sub-pixel'], [3, 4, 5, 6]);
    assert.deepEqual(operatorsOf(after).slice(0, 3), ['Conv', 'Relu', 'DepthToSpace'], `kernel ${kernel}`);
  }
});

test('a transposed convolution that is dilated, or of another stride along each axis, stays', async () => {
  for (const attributes of [{ strides: ints([2, 1]) }, { strides: ints([2, 2]), dilations: ints([2, 2]) }]) {
    const model = modelFrom([node('ConvTranspose', ['x', 'w'], ['y'], attributes, 'up')], ['n', 4, 5, 6], {
      w: noise([4, 3, 2, 2]),
    });
    assert.equal(await rewriteForSpeed(model, ['sub-pixel']), model);
  }
});

test('a model whose stated input no memory holds is looked at without running it', async () => {
  const model = modelFrom([node('Neg', ['x'], ['y'], {}, 'neg')], [2 ** 40, 4]);
  assert.equal(await rewriteForSpeed(model, ['fewer-nodes', 'conv-2d']), model);
});
