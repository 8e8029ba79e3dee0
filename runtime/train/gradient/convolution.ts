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

/** Which exact form is fastest depends on how channels are grouped. */
function weightGradient(
  context: RuleContext,
  x: string,
  dy: string,
  xDims: readonly number[],
  yDims: readonly number[],
  w: string,
  geometry: Geometry,
): string {
  const wDims = context.shape(w);
  const sides: Sides = { x, dy, xDims, yDims, wDims, geometry };
  if (geometry.group === 1) return denseWeightGradient(context, sides);
  const isDepthwise = wDims[1] === 1 && wDims[0] === geometry.group;
  const isNarrow = yDims.at(-1)! <= widestRow;
  return isDepthwise && isNarrow ? depthwiseWeightGradient(context, sides) : groupedWeightGradient(context, sides);
}

type Sides = {
  readonly x: string;
  readonly dy: string;
  readonly xDims: readonly number[];
  readonly yDims: readonly number[];
  readonly wDims: readonly number[];
  readonly geometry: Geometry;
};

/** One product for each of the kernel's taps: dW[:, :, tap] = dY · (what the tap meets)ᵀ, over batch and positions together. */
function denseWeightGradient(context: RuleContext, { x, dy, xDims, yDims, wDims, geometry }: Sides): string {
  const { write } = context;
  const [outputs, inputs] = wDims as [number, number];
  const columns = yDims[0]! * elementCount(yDims.slice(2));
  const padded = padAndTranspose(context, x, xDims, geometry);
  const rows = write.reshape(channelsFirst(context, dy, yDims), [outputs, columns]);
  const axes = range(geometry.kernel.length);
  const taps = tapsOf(geometry.kernel).map((tap) => {
    const window = write.reshape(windowOf(context, padded, tap, axes, yDims.slice(2), geometry), [inputs, columns]);
    return write.op('Gemm', [rows, window], { transB: int(1) });
  });
  if (taps.length === 1) return write.reshape(taps[0]!, wDims);
  const joined = write.reshape(write.op('Concat', taps, { axis: int(1) }), [outputs, taps.length, inputs]);
  return write.reshape(write.transpose(joined, [0, 2, 1]), wDims);
}

/** The products below grow with the square of a row's length; beyond this the grouped convolution is faster. */
const widestRow = 128;

/**
 * Of one channel, dYᵀ·X over all rows is a matrix [width of dY, width of X] whose entry (a, b) says how much column a of dY has to do
 * with column b of X; the gradient of tap j is the sum of the diagonal b = stride·a + dilation·j. More arithmetic than
 * tap by tap, but in products instead of passes over memory: about ten times as fast.
 */
function depthwiseWeightGradient(context: RuleContext, { x, dy, xDims, yDims, wDims, geometry }: Sides): string {
  const { write } = context;
  const channels = wDims[0]!;
  const [rowAxes, last] = [range(geometry.kernel.length - 1), geometry.kernel.length - 1];
  const outWidth = yDims.at(-1)!;
  const padWidth = xDims.at(-1)! + geometry.before[last]! + Math.max(geometry.after[last]!, 0);
  const padded = padAndTranspose(context, x, xDims, geometry);
  const flat = write.reshape(channelsFirst(context, dy, yDims), [channels, -1, outWidth]);
  const columns = write.transpose(flat, [0, 2, 1]);
  const diagonals = write.constant(diagonalSums(outWidth, padWidth, geometry, last));
  const rowTaps = tapsOf(geometry.kernel.slice(0, -1)).map((tap) => {
    const window = tap.length === 0 ? padded : windowOf(context, padded, tap, rowAxes, yDims.slice(2), geometry);
    const product = write.op('MatMul', [columns, write.reshape(window, [channels, -1, padWidth])]);
    return write.op('MatMul', [write.reshape(product, [channels, outWidth * padWidth]), diagonals]);
  });
  const joined = rowTaps.length === 1 ? rowTaps[0]! : write.op('Concat', rowTaps, { axis: int(1) });
  return write.reshape(joined, wDims);
}

/** [outWidth·padWidth, k]: 1 where the entry (a, b) lies on the diagonal of tap j. */
function diagonalSums(outWidth: number, padWidth: number, { kernel, strides, dilations }: Geometry, axis: number) {
  const taps = kernel[axis]!;
  const data = new Float32Array(outWidth * padWidth * taps);
  for (let a = 0; a < outWidth; a++)
    for (let j = 0; j < taps; j++) data[(a * padWidth + a * strides[axis]! + j * dilations[axis]!) * taps + j] = 1;
  return { type: 'float32', dims: [outWidth * padWidth, taps], data } as const;
}

function channelsFirst({ write }: Pick<RuleContext, 'write'>, value: string, dims: readonly number[]): string {
  return write.transpose(value, [1, 0, ...range(dims.length).slice(2)]);
}

/** X padded, channels first: [C, N, …]. */
function padAndTranspose(
  { write }: Pick<RuleContext, 'write'>,
  x: string,
  xDims: readonly number[],
  { before, after }: Geometry,
): string {
  const ends = after.map((size) => Math.max(size, 0));
  const isPadded = [...before, ...ends].some((size) => size !== 0);
  const padded = isPadded ? write.op('Pad', [x, write.ints([0, 0, ...before, 0, 0, ...ends])]) : x;
  return channelsFirst({ write }, padded, xDims);
}

function tapsOf(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (taps, size) => taps.flatMap((tap) => range(size).map((i) => [...tap, i])),
    [[]],
  );
}

/** What one tap of the kernel meets at each output position, along these spatial axes: [C, N, out…]. */
function windowOf(
  { write }: RuleContext,
  padded: string,
  tap: readonly number[],
  axes: readonly number[],
  out: readonly number[],
  { strides, dilations }: Geometry,
): string {
  const starts = axes.map((axis) => tap[axis]! * dilations[axis]!);
  const ends = axes.map((axis, i) => starts[i]! + (out[axis]! - 1) * strides[axis]! + 1);
  const steps = axes.map((axis) => strides[axis]!);
  return write.op('Slice', [
    padded,
    write.ints(starts),
    write.ints(ends),
    write.ints(axes.map((axis) => axis + 2)),
    ...(steps.every((step) => step === 1) ? [] : [write.ints(steps)]),
  ]);
}

/**
 * X → [C/g, g·N, …] as a batch of C/g images, dY → [M, N, …] as kernels, strides and dilations exchanged:
 * Conv → [C/g, M, k…] ⇒ [M, C/g, k…].
 */
function groupedWeightGradient({ write }: RuleContext, { x, dy, xDims, yDims, wDims, geometry }: Sides): string {
  const { kernel, strides, dilations, before, after, group } = geometry;
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
