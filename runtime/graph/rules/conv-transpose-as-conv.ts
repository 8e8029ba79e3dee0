/**
 * A transposed convolution of stride s as a convolution with s² times the channels, whose values are then interleaved: one output
 * position in s lands on the same taps, so each of the s × s phases is a small convolution of the input as it is, without zeros
 * in between. Integer kernels exist for both halves and for no transposed convolution.
 *
 * `ConvTranspose(x, W, b)` ⇒ `Slice?(DepthToSpace(Conv(x, W′, b′), s, CRD))`,
 * `W′[m · s² + r · s + q, c, i, j] = W[c, m, r + s · (T − 1 − i), q + s · (T − 1 − j)]`, 0 beyond the kernel, `T = ⌈k / s⌉`, padded by T − 1.
 *
 * Only in two dimensions with one stride for both, constant weights, no dilation, and pads that are stated. The idea: Shi et al. 2016,
 * sub-pixel convolution.
 */
import { int, intAttribute, ints, intsAttribute, string, stringAttribute } from '../attributes.ts';
import { float32, int64, node } from '../build.ts';
import { storeTensor } from '../initializer.ts';
import type { Node } from '../model.ts';
import type { Rule } from '../rewrite.ts';
import type { Tensor } from '../tensor.ts';
import { floatsOf, isUsedOnce } from './match.ts';

export const convTransposeAsConv: Rule = {
  name: 'convTransposeAsConv',
  opTypes: ['ConvTranspose'],
  replace(transposed, context) {
    const [x = '', w = '', b = ''] = transposed.inputs;
    const weight = floatsOf(w, context);
    const bias = b ? floatsOf(b, context) : undefined;
    const geometry = weight && geometryOf(transposed, weight.dims);
    if (!weight || (b && !bias) || !geometry) return undefined;
    const { stride, groups, taps, before, after } = geometry;
    const [output = ''] = transposed.outputs;
    const fresh = (part: string) => context.freshName(`${output}_${part}`);
    const stored = [
      storeTensor(fresh('weight'), phasesOf(weight, geometry)),
      ...(bias ? [storeTensor(fresh('bias'), repeated(bias, stride * stride))] : []),
    ];
    const [phases, interleaved] = [fresh('phases'), fresh('interleaved')];
    const isWhole = [...before, ...after].every((trim) => trim === 0);
    const pads = [taps[0] - 1, taps[1] - 1];
    const { name } = transposed;
    const toSpace = { blocksize: int(stride), mode: string('CRD') };
    const nodes = [
      node(
        'Conv',
        [x, ...stored.map((tensor) => tensor.name)],
        [phases],
        { pads: ints([...pads, ...pads]), group: int(groups) },
        name,
      ),
      node('DepthToSpace', [phases], [isWhole ? output : interleaved], toSpace, name && `${name}/interleave`),
    ];
    if (isWhole) return { nodes, initializers: stored };
    // The largest integer stands for "to the end".
    const ends = after.map((trim) => (trim === 0 ? 2n ** 63n - 1n : -trim));
    const bounds = [int64([2], before), int64([2], ends), int64([2], [2, 3])].map((tensor, i) =>
      storeTensor(fresh(['starts', 'ends', 'axes'][i]!), tensor),
    );
    const sliced = [interleaved, ...bounds.map((tensor) => tensor.name)];
    return {
      nodes: [...nodes, node('Slice', sliced, [output], {}, name && `${name}/trim`)],
      initializers: [...stored, ...bounds],
    };
  },
};

/** `f(move(x))` ⇒ `move(f(x))` for functions of single values, which then fold into the kernel that made x. */
export const moveActivationBeforeInterleaving: Rule = {
  name: 'moveActivationBeforeInterleaving',
  opTypes: ['Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Tanh'],
  replace(activation, context) {
    const [moved = '', ...others] = activation.inputs;
    const mover = context.links.producers.get(moved);
    const isOurs = mover?.domain === '' && (mover.opType === 'DepthToSpace' || mover.opType === 'Slice');
    if (!isOurs || !isUsedOnce(moved, context)) return undefined;
    const before = context.freshName(`${moved}_activated`);
    return {
      nodes: [
        { ...activation, inputs: [mover.inputs[0]!, ...others], outputs: [before] },
        { ...mover, inputs: [before, ...mover.inputs.slice(1)], outputs: activation.outputs },
      ],
    };
  },
};

type Pair = readonly [number, number];

type Geometry = {
  readonly stride: number;
  readonly groups: number;
  /** Of a phase's kernel. */
  readonly taps: Pair;
  /** What is cut off the interleaved result at the beginning and the end of each axis. */
  readonly before: Pair;
  readonly after: Pair;
};

function geometryOf(node: Node, dims: readonly number[]): Geometry | undefined {
  if (dims.length !== 4 || node.attributes.has('output_shape')) return undefined;
  const [stride = 1, other = 1] = intsAttribute(node, 'strides', [1, 1]);
  const isDilated = intsAttribute(node, 'dilations', []).some((dilation) => dilation !== 1);
  if (stride < 2 || stride !== other || isDilated || stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET')
    return undefined;
  const [top = 0, left = 0, bottom = 0, right = 0] = intsAttribute(node, 'pads', []);
  const [down = 0, across = 0] = intsAttribute(node, 'output_padding', []);
  const [height, width] = [dims[2]!, dims[3]!];
  const taps: Pair = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const after: Pair = [stride * taps[0] - height - down + bottom, stride * taps[1] - width - across + right];
  const isInside = [top, left, ...after].every((trim) => trim >= 0);
  const groups = intAttribute(node, 'group', 1);
  return isInside ? { stride, groups, taps, before: [top, left], after } : undefined;
}

/** [inputs, outputs of a group, height, width] → [outputs · s², inputs of a group, …taps]. */
function phasesOf({ dims, data }: Tensor<'float32'>, { stride, groups, taps }: Geometry): Tensor<'float32'> {
  const [inputs, outputs, height, width] = dims as readonly [number, number, number, number];
  const perGroup = inputs / groups;
  const shape = [groups * outputs * stride * stride, perGroup, ...taps];
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  let at = 0;
  for (let m = 0; m < groups * outputs; m++)
    for (let phase = 0; phase < stride * stride; phase++)
      for (let c = 0; c < perGroup; c++)
        for (let i = 0; i < taps[0]; i++)
          for (let j = 0; j < taps[1]; j++, at++) {
            const row = Math.floor(phase / stride) + stride * (taps[0] - 1 - i);
            const column = (phase % stride) + stride * (taps[1] - 1 - j);
            const input = Math.floor(m / outputs) * perGroup + c;
            if (row < height && column < width)
              values[at] = data[((input * outputs + (m % outputs)) * height + row) * width + column]!;
          }
  return float32(shape, values);
}

function repeated({ data }: Tensor<'float32'>, times: number): Tensor<'float32'> {
  return float32(
    [data.length * times],
    Array.from({ length: data.length * times }, (_, i) => data[Math.floor(i / times)]!),
  );
}
