/**
 * A first convolution with few input channels (1 or 3 of an image, 6 of a motion sensor) on neighbouring positions taken together
 * as channels: f positions of [channels] become one of [f · channels], and the kernel computes f output positions at once as f
 * times the output channels. Integer kernels read channels four at a time and fall back to a slow general form when there are
 * fewer; this way they are full, and with channels last both regroupings are mere views.
 *
 * `Relu?(Conv(x, W, b))` ⇒ `regroup⁻¹(Relu?(Conv(regroup(x), W′, b′)))`,
 * `W′[p · M + m, q · C + c, …, t] = W[m, c, …, k]` where position p of the output group needs, at tap t of groups and place q inside
 * the group, tap `k = t · f + q − p · s − lead` of the old kernel, 0 where there is none.
 *
 * Only if x is an input of the graph (or its Transpose from channels last), the length of its last axis is stated and a multiple of
 * f and of the stride, and group, dilations are 1.
 */
import { intAttribute, ints, intsAttribute, stringAttribute } from '../attributes.ts';
import { float32, int64, node } from '../build.ts';
import { storeTensor } from '../initializer.ts';
import type { Node } from '../model.ts';
import type { RewriteContext, Rule } from '../rewrite.ts';
import type { Tensor } from '../tensor.ts';
import { floatsOf, isUsedOnce } from './match.ts';

export const foldWidth: Rule = {
  name: 'foldWidth',
  opTypes: ['Conv'],
  replace(conv, context) {
    const [x = '', w = '', b = ''] = conv.inputs;
    const weight = floatsOf(w, context);
    const bias = b ? floatsOf(b, context) : undefined;
    const dims = inputDims(x, context);
    if (!weight || (b && !bias) || !dims || !isPlain(conv)) return undefined;
    const geometry = geometryOf(conv, weight, dims);
    if (!geometry) return undefined;
    return emit(conv, x, { weight, bias, dims, ...geometry }, context);
  },
};

/** Sizes of the graph's input [batch, channels, …axes], all but the batch known. */
function inputDims(x: string, { graph, links, dims }: RewriteContext): readonly number[] | undefined {
  const transpose = links.producers.get(x);
  if (transpose && transpose.opType !== 'Transpose') return undefined;
  const source = graph.inputs.find(({ name }) => name === (transpose?.inputs[0] ?? x));
  const sizes = dims(x);
  const isStated = source?.dims?.slice(1).every((size) => typeof size === 'number');
  return isStated && sizes && sizes.length >= 3 ? sizes.map(Number) : undefined;
}

function isPlain(conv: Node): boolean {
  const isOnes = (name: string) => (intsAttribute(conv, name) ?? []).every((value) => value === 1);
  return intAttribute(conv, 'group', 1) === 1 && isOnes('dilations');
}

type Geometry = {
  /** Positions taken together. */
  readonly fold: number;
  /** Output positions of one group. */
  readonly made: number;
  readonly strides: readonly number[];
  /** Beginnings of all axes, then ends. */
  readonly pads: readonly number[];
  readonly outputs: readonly number[];
};

/** Channels that integer kernels read at a time. */
const channelBlock = 4;

function geometryOf(conv: Node, { dims: kernel }: Tensor, dims: readonly number[]): Geometry | undefined {
  const [, channels = 0, ...sizes] = dims;
  const axes = sizes.length;
  const strides = intsAttribute(conv, 'strides') ?? sizes.map(() => 1);
  const pads = padsOf(conv, kernel.slice(2), sizes, strides);
  const stride = strides.at(-1)!;
  const fold = [2, 4, 8].find((size) => (size * channels) % channelBlock === 0 && size % stride === 0);
  const width = sizes.at(-1)!;
  if (!pads || channels % channelBlock === 0 || !fold || width % fold !== 0) return undefined;
  const outputs = sizes.map(
    (size, axis) => Math.floor((size + pads[axis]! + pads[axis + axes]! - kernel[axis + 2]!) / strides[axis]!) + 1,
  );
  const made = fold / stride;
  return outputs.at(-1)! * stride === width ? { fold, made, strides, pads, outputs } : undefined;
}

/** Explicit paddings, also for `SAME_UPPER` and `SAME_LOWER`. */
function padsOf(conv: Node, kernel: readonly number[], sizes: readonly number[], strides: readonly number[]) {
  const auto = stringAttribute(conv, 'auto_pad', 'NOTSET');
  if (auto === 'NOTSET') return intsAttribute(conv, 'pads') ?? [...kernel, ...kernel].map(() => 0);
  if (auto === 'VALID') return [...kernel, ...kernel].map(() => 0);
  const totals = sizes.map((size, axis) =>
    Math.max(0, (Math.ceil(size / strides[axis]!) - 1) * strides[axis]! + kernel[axis]! - size),
  );
  const less = totals.map((total) => Math.floor(total / 2));
  const more = totals.map((total) => Math.ceil(total / 2));
  return auto === 'SAME_UPPER' ? [...less, ...more] : [...more, ...less];
}

type Parts = Geometry & {
  readonly weight: Tensor<'float32'>;
  readonly bias: Tensor<'float32'> | undefined;
  readonly dims: readonly number[];
};

function emit(conv: Node, x: string, parts: Parts, context: RewriteContext) {
  const { weight, bias, dims, fold, made, strides, pads, outputs } = parts;
  const [, channels = 0, ...sizes] = dims;
  const [outputChannels = 0] = weight.dims;
  const outer = sizes.slice(0, -1);
  const groups = sizes.at(-1)! / fold;
  const { values, lead, taps } = foldKernel(weight, fold, made, strides.at(-1)!, pads[sizes.length - 1]!);
  const trail = Math.max(0, taps - 1 - lead);
  const store = (base: string, tensor: Tensor) => storeTensor(context.freshName(base), tensor);
  const name = (base: string) => context.freshName(`${conv.outputs[0]}_${base}`);
  const wide = store(`${conv.inputs[1]}_folded`, values);
  const wideBias = bias && store(`${conv.inputs[2]}_folded`, float32([made * outputChannels], repeat(bias.data, made)));
  const before = store('fold_shape', int64([dims.length], [-1, ...outer, groups, fold * channels]));
  const after = store('unfold_shape', int64([dims.length], [-1, ...outputs, outputChannels]));
  const rank = dims.length;
  const toLast = { perm: ints([0, ...range(2, rank), 1]) };
  const toFirst = { perm: ints([0, rank - 1, ...range(1, rank - 1)]) };
  const [last, grouped, input, result, activated] = ['last', 'grouped', 'input', 'result', 'activated'].map(name) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const [resultLast, ungrouped] = [name('result_last'), name('ungrouped')];
  const axes = sizes.length;
  const widePads = [...pads.slice(0, axes - 1), lead, ...pads.slice(axes, 2 * axes - 1), trail];
  const attributes = new Map(conv.attributes);
  attributes.delete('auto_pad');
  attributes.set('pads', ints(widePads));
  attributes.set('strides', ints([...strides.slice(0, -1), 1]));
  attributes.set('kernel_shape', ints(values.dims.slice(2)));
  const relu = soleRelu(conv.outputs[0]!, context);
  const inputs = [input, wide.name, ...(wideBias ? [wideBias.name] : [])];
  const part = (suffix: string) => `${conv.name}/${suffix}`;
  const end = relu ? activated : result;
  return {
    nodes: [
      node('Transpose', [x], [last], toLast, part('to_last')),
      node('Reshape', [last, before.name], [grouped], {}, part('fold')),
      node('Transpose', [grouped], [input], toFirst, part('to_first')),
      { ...conv, inputs, outputs: [result], attributes },
      ...(relu ? [node('Relu', [result], [activated], {}, part('relu'))] : []),
      node('Transpose', [end], [resultLast], toLast, part('result_to_last')),
      node('Reshape', [resultLast, after.name], [ungrouped], {}, part('unfold')),
      node('Transpose', [ungrouped], conv.outputs, toFirst, part('result_to_first')),
    ],
    initializers: [wide, before, after, ...(wideBias ? [wideBias] : [])],
    // A second Relu does nothing; who read the first one's output reads this.
    ...(relu ? { substitute: [[relu.outputs[0]!, conv.outputs[0]!] as const] } : {}),
  };
}

/** The Relu that alone uses `value`, unless its output is the graph's. */
function soleRelu(value: string, context: RewriteContext): Node | undefined {
  if (!isUsedOnce(value, context)) return undefined;
  const [user] = context.links.consumers.get(value) ?? [];
  return user?.opType === 'Relu' && !context.links.outputs.has(user.outputs[0]!) ? user : undefined;
}

/**
 * [outputs, channels, …, kernel] → [made · outputs, fold · channels, …, taps], and how many groups before its own the first
 * output of a group reaches.
 */
function foldKernel({ dims, data }: Tensor<'float32'>, fold: number, made: number, stride: number, pad: number) {
  const [outputs = 0, channels = 0, ...kernel] = dims;
  const length = kernel.at(-1)!;
  const rows = kernel.slice(0, -1).reduce((product, size) => product * size, 1);
  const lead = Math.ceil(pad / fold);
  // The last output of a group starts at (made − 1) · stride − pad and ends length − 1 later.
  const trail = Math.max(0, Math.floor(((made - 1) * stride - pad + length - 1) / fold));
  const taps = lead + 1 + trail;
  const values = new Float32Array(made * outputs * fold * channels * rows * taps);
  for (let p = 0; p < made; p++)
    for (let m = 0; m < outputs; m++)
      for (let c = 0; c < channels; c++)
        for (let r = 0; r < rows; r++)
          for (let k = 0; k < length; k++) {
            // Where tap k of output p lies, counted from the first position of the first group.
            const position = lead * fold + p * stride - pad + k;
            const [tap, place] = [Math.floor(position / fold), position % fold];
            const to = (((p * outputs + m) * fold * channels + place * channels + c) * rows + r) * taps + tap;
            values[to] = data[((m * channels + c) * rows + r) * length + k]!;
          }
  return { values: float32([made * outputs, fold * channels, ...kernel.slice(0, -1), taps], values), lead, taps };
}

function repeat(values: Float32Array, times: number): number[] {
  return Array.from({ length: times }, () => [...values]).flat();
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
