/**
 * Convolutions of any dimension, stride, dilation and group. There are several exact forms of each gradient; which one is
 * written is a matter of speed alone (measured on ONNX Runtime 1.30, one thread).
 */
import { int, ints } from '../../graph/attributes.ts';
import type { Node } from '../../graph/model.ts';
import { elementCount } from '../../graph/tensor.ts';
import { type GradientRule, type RuleContext, range } from './rule.ts';
import { type Geometry, geometryOf } from './window-geometry.ts';

const conv: GradientRule = (node, context) => {
  const [x, w] = node.inputs as [string, string];
  const geometry = convGeometry(node, context);
  return [
    () => inputGradient(context, context.dy, w, context.shape(w), geometry),
    () => weightGradient(context, x, context.dy, context.shape(x), context.shape(node.outputs[0]!), w, geometry),
    () => biasGradient(context, node),
  ];
};

/** Y = ConvTranspose(X, W) is dX of a convolution, so its own gradients are that convolution and its dW with the roles changed. */
const convTranspose: GradientRule = (node, context) => {
  const [x, w] = node.inputs as [string, string];
  const { shape, dy } = context;
  const y = node.outputs[0]!;
  const [small, large] = [shape(x).slice(2), shape(y).slice(2)];
  const geometry = geometryOf(node, shape(w).slice(2), large, small);
  return [
    () => {
      const reached = withoutBeyond(context, dy, large, geometry);
      return context.write.op('Conv', [reached, w], attributesOf(withPads(geometry)));
    },
    () => weightGradient(context, dy, x, shape(y), shape(x), w, geometry),
    () => biasGradient(context, node),
  ];
};

function convGeometry(node: Node, { shape }: RuleContext): Geometry {
  const [x, w] = node.inputs as [string, string];
  return geometryOf(node, shape(w).slice(2), shape(x).slice(2), shape(node.outputs[0]!).slice(2));
}

function biasGradient({ write, dy, shape }: RuleContext, node: Node): string {
  const rank = shape(node.outputs[0]!).length;
  return write.sum(dy, [0, ...range(rank).slice(2)], false);
}

function attributesOf({ kernel, strides, dilations, before, after, group }: Geometry) {
  return {
    kernel_shape: ints(kernel),
    strides: ints(strides),
    dilations: ints(dilations),
    pads: ints([...before, ...after]),
    group: int(group),
  };
}

/** Pads that an operator can have. */
function withPads(geometry: Geometry): Geometry {
  return { ...geometry, after: geometry.after.map((size) => Math.max(size, 0)) };
}

/** Without the end that no window reaches. */
function withoutBeyond({ write }: RuleContext, value: string, size: readonly number[], { after }: Geometry): string {
  const axes = range(size.length).filter((i) => after[i]! < 0);
  if (axes.length === 0) return value;
  const ends = write.ints(axes.map((i) => size[i]! + after[i]!));
  return write.op('Slice', [value, write.ints(axes.map(() => 0)), ends, write.ints(axes.map((i) => i + 2))]);
}

/** At stride 1 a convolution with the flipped kernel, which runs faster; else the transposed convolution. */
function inputGradient(
  context: RuleContext,
  dy: string,
  w: string,
  wDims: readonly number[],
  geometry: Geometry,
): string {
  const { write } = context;
  const { kernel, strides, dilations, before, after, group } = geometry;
  const reach = kernel.map((k, i) => dilations[i]! * (k - 1));
  const isFlipped = strides.every((s) => s === 1) && reach.every((r, i) => before[i]! <= r && after[i]! <= r);
  if (!isFlipped) return transposedConv(context, dy, w, geometry);
  const pads = [...reach.map((r, i) => r - before[i]!), ...reach.map((r, i) => r - after[i]!)];
  const flipped = flip(context, swapChannels(context, w, wDims, group), kernel);
  return write.op('Conv', [dy, flipped], {
    kernel_shape: ints(kernel),
    strides: ints(kernel.map(() => 1)),
    dilations: ints(dilations),
    pads: ints(pads),
    group: int(group),
  });
}

function transposedConv({ write }: RuleContext, dy: string, w: string, geometry: Geometry): string {
  const { after } = geometry;
  // Input beyond the last window: it gets no gradient, and the output is that much longer.
  const beyond = after.map((size) => Math.max(-size, 0));
  return write.op('ConvTranspose', [dy, w], { ...attributesOf(withPads(geometry)), output_padding: ints(beyond) });
}

/** [M, C/g, …] → [C, M/g, …] */
function swapChannels({ write }: RuleContext, w: string, dims: readonly number[], group: number): string {
  const [outputs, inputs, ...kernel] = dims as [number, number, ...number[]];
  const perGroup = outputs / group;
  const spatial = range(kernel.length);
  if (group === 1) return write.transpose(w, [1, 0, ...spatial.map((i) => i + 2)]);
  if (inputs === 1 && perGroup === 1) return w;
  const grouped = write.reshape(w, [group, perGroup, inputs, ...kernel]);
  const swapped = write.transpose(grouped, [0, 2, 1, ...spatial.map((i) => i + 3)]);
  return write.reshape(swapped, [group * inputs, perGroup, ...kernel]);
}

function flip({ write }: RuleContext, w: string, kernel: readonly number[]): string {
  const axes = range(kernel.length).filter((i) => kernel[i]! > 1);
  if (axes.length === 0) return w;
  const each = (value: number) => write.ints(axes.map(() => value));
  const axisInts = write.ints(axes.map((i) => i + 2));
  return write.op('Slice', [w, each(-1), each(-(2 ** 31)), axisInts, each(-1)]);
}

/**
 * Dense and depthwise kernels: one product for each of the kernel's taps. Other groups: one grouped convolution, in which the
 * batch becomes channels and dY the kernel.
 */
function weightGradient(
  context: RuleContext,
  x: string,
  dy: string,
  xDims: readonly number[],
  yDims: readonly number[],
  w: string,
  geometry: Geometry,
): string {
  const { write, shape } = context;
  const wDims = shape(w);
  const isDepthwise = wDims[1] === 1 && wDims[0] === geometry.group;
  if (geometry.group > 1 && !isDepthwise) return groupedWeightGradient(context, x, dy, xDims, yDims, wDims, geometry);
  const columns = (yDims[0] ?? 1) * elementCount(yDims.slice(2));
  const padded = padAndTranspose(context, x, xDims, geometry);
  const channelsFirst = [1, 0, ...range(yDims.length).slice(2)];
  const rows = isDepthwise ? [yDims[1]!, 1, columns] : [yDims[1]!, columns];
  const dyRows = write.reshape(write.transpose(dy, channelsFirst), rows);
  const taps = tapsOf(geometry.kernel).map((tap) => {
    const window = windowOf(context, padded, tap, yDims.slice(2), geometry);
    if (!isDepthwise)
      return write.op('Gemm', [dyRows, write.reshape(window, [wDims[1]!, columns])], { transB: int(1) });
    return write.op('MatMul', [dyRows, write.reshape(window, [wDims[0]!, columns, 1])]);
  });
  return joinTaps(context, taps, wDims, isDepthwise);
}

/** X padded, channels first: [C, N, …]. */
function padAndTranspose(
  { write }: RuleContext,
  x: string,
  xDims: readonly number[],
  { before, after }: Geometry,
): string {
  const ends = after.map((size) => Math.max(size, 0));
  const isPadded = [...before, ...ends].some((size) => size !== 0);
  const padded = isPadded ? write.op('Pad', [x, write.ints([0, 0, ...before, 0, 0, ...ends])]) : x;
  return write.transpose(padded, [1, 0, ...range(xDims.length).slice(2)]);
}

function tapsOf(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (taps, size) => taps.flatMap((tap) => range(size).map((i) => [...tap, i])),
    [[]],
  );
}

/** What one tap of the kernel meets at each output position: [C, N, out…]. */
function windowOf(
  { write }: RuleContext,
  padded: string,
  tap: readonly number[],
  out: readonly number[],
  { strides, dilations }: Geometry,
): string {
  const starts = tap.map((t, i) => t * dilations[i]!);
  const ends = starts.map((start, i) => start + (out[i]! - 1) * strides[i]! + 1);
  const axes = out.map((_, i) => i + 2);
  return write.op('Slice', [
    padded,
    write.ints(starts),
    write.ints(ends),
    write.ints(axes),
    ...(strides.every((s) => s === 1) ? [] : [write.ints(strides)]),
  ]);
}

function joinTaps(
  { write }: RuleContext,
  taps: readonly string[],
  wDims: readonly number[],
  isDepthwise: boolean,
): string {
  if (taps.length === 1) return write.reshape(taps[0]!, wDims);
  if (isDepthwise) return write.reshape(write.op('Concat', taps, { axis: int(2) }), wDims);
  const [outputs, inputs] = wDims as [number, number];
  const joined = write.reshape(write.op('Concat', taps, { axis: int(1) }), [outputs, taps.length, inputs]);
  return write.reshape(write.transpose(joined, [0, 2, 1]), wDims);
}

/**
 * X → [C/g, g·N, …] as a batch of C/g images, dY → [M, N, …] as kernels, strides and dilations exchanged:
 * Conv → [C/g, M, k…] ⇒ [M, C/g, k…].
 */
function groupedWeightGradient(
  { write }: RuleContext,
  x: string,
  dy: string,
  xDims: readonly number[],
  yDims: readonly number[],
  wDims: readonly number[],
  { kernel, strides, dilations, before, after, group }: Geometry,
): string {
  const [batch, channels, ...size] = xDims as [number, number, ...number[]];
  const spatial = range(size.length);
  const perGroup = channels / group;
  const grouped = write.reshape(x, [batch, group, perGroup, ...size]);
  const turned = write.transpose(grouped, [2, 1, 0, ...spatial.map((i) => i + 3)]);
  const images = write.reshape(turned, [perGroup, group * batch, ...size]);
  const kernels = write.transpose(dy, [1, 0, ...spatial.map((i) => i + 2)]);
  const result = write.op('Conv', [images, kernels], {
    kernel_shape: ints(yDims.slice(2)),
    strides: ints(dilations),
    dilations: ints(strides),
    pads: ints([...before, ...after.map((pad) => Math.max(pad, 0))]),
    group: int(group),
  });
  // Input that the last window does not reach would give taps that the kernel does not have.
  const zeros = kernel.map(() => 0);
  const axes = write.ints(spatial.map((i) => i + 2));
  const cut = after.some((pad) => pad < 0)
    ? write.op('Slice', [result, write.ints(zeros), write.ints(kernel), axes])
    : result;
  return write.reshape(write.transpose(cut, [1, 0, ...spatial.map((i) => i + 2)]), wDims);
}

export const convolutionRules: Readonly<Record<string, GradientRule>> = { Conv: conv, ConvTranspose: convTranspose };
