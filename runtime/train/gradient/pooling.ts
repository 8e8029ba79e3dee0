/** Pools over windows, and over everything. */
import { int, intAttribute, ints, intsAttribute } from '../../graph/attributes.ts';
import { float32 } from '../../graph/build.ts';
import type { Attribute } from '../../graph/model.ts';
import { elementCount, type Tensor } from '../../graph/tensor.ts';
import { constantNumbers, frontAxes, type GradientRule, range } from './rule.ts';
import { type Geometry, geometryOf } from './window-geometry.ts';

/** Each value of dy goes to where the maximum came from; overlapping windows add up. */
const maxPool: GradientRule = (node, { write, dy, shape }) => [
  () => {
    const [x] = node.inputs as [string];
    const total = elementCount(shape(x));
    const [, indices] = write.ops('MaxPool', [x], Object.fromEntries(node.attributes), 2);
    const zeros = write.op('ConstantOfShape', [write.ints([total])]);
    const flat = [write.reshape(indices!, [-1]), write.reshape(dy, [-1])] as const;
    const add: Attribute = { kind: 'string', value: new TextEncoder().encode('add') };
    return write.reshape(write.op('ScatterElements', [zeros, ...flat], { reduction: add }), shape(x));
  },
];

/** Each value of dy, divided by how many values it is the mean of, goes back to all of them: a transposed convolution with ones. */
const averagePool: GradientRule = (node, { write, dy, shape }) => [
  () => {
    const [xDims, yDims] = [shape(node.inputs[0]!), shape(node.outputs[0]!)];
    const kernel = intsAttribute(node, 'kernel_shape', []);
    const geometry = geometryOf(node, kernel, xDims.slice(2), yDims.slice(2));
    const [batch, channels] = xDims as [number, number];
    const shares = write.constant(sharesOf(geometry, intAttribute(node, 'count_include_pad', 0) !== 0, xDims, yDims));
    const images = write.reshape(write.op('Mul', [dy, shares]), [batch * channels, 1, ...yDims.slice(2)]);
    const ones = write.constant(float32([1, 1, ...kernel], new Array(elementCount(kernel)).fill(1)));
    const { strides, dilations, before, after } = geometry;
    const spread = write.op('ConvTranspose', [images, ones], {
      strides: ints(strides),
      dilations: ints(dilations),
      pads: ints([...before, ...after.map((size) => Math.max(size, 0))]),
      output_padding: ints(after.map((size) => Math.max(-size, 0))),
    });
    return write.reshape(spread, xDims);
  },
];

/** 1 / (values that each output is the mean of). Padding counts where `count_include_pad` says so; what is beyond it never does. */
function sharesOf(geometry: Geometry, countsPads: boolean, xDims: readonly number[], yDims: readonly number[]): Tensor {
  const counts = yDims.slice(2).map((out, axis) => {
    const { kernel, strides, dilations, before, after } = geometry;
    const size = xDims[axis + 2]!;
    return range(out).map((position) => {
      const start = position * strides[axis]! - before[axis]!;
      const cells = range(kernel[axis]!).map((tap) => start + tap * dilations[axis]!);
      const end = size + Math.max(after[axis]!, 0);
      return cells.filter((cell) => (countsPads ? cell < end : cell >= 0 && cell < size)).length;
    });
  });
  const shares = counts.reduce<number[]>((all, axis) => all.flatMap((share) => axis.map((n) => share / n)), [1]);
  return float32(yDims.slice(2), shares);
}

const globalAverage: GradientRule = ({ inputs: [x] }, { write, dy, shape }) => [
  () => write.op('Expand', [write.scale(dy, 1 / elementCount(shape(x!).slice(2))), write.ints(shape(x!))]),
];

/** Of equal maxima, each gets all of it. */
const globalMax: GradientRule = ({ inputs: [x], outputs: [y] }, { write, dy }) => [
  () => write.op('Mul', [dy, write.op('Cast', [write.op('Equal', [x!, y!])], { to: int(1) })]),
];

/** @param share of dy that each reduced value gets. */
function reduction(share: (count: number) => number): GradientRule {
  return (node, context) => [
    () => {
      const { write, dy, shape } = context;
      const dims = shape(node.inputs[0]!);
      const axes = reducedAxes(node, context, dims.length);
      const kept = dims.map((size, axis) => (axes.includes(axis) ? 1 : size));
      const scaled = write.scale(dy, share(elementCount(axes.map((axis) => dims[axis]!))));
      return write.op('Expand', [write.reshape(scaled, kept), write.ints(dims)]);
    },
  ];
}

function reducedAxes(
  node: Parameters<GradientRule>[0],
  context: Parameters<GradientRule>[1],
  rank: number,
): readonly number[] {
  const axes = constantNumbers(context, node.inputs[1]) ?? intsAttribute(node, 'axes', []);
  if (axes.length > 0) return frontAxes(axes, rank);
  return intAttribute(node, 'noop_with_empty_axes', 0) ? [] : range(rank);
}

/** The extremes themselves get dy. */
const reduceExtreme: GradientRule = (node, context) => [
  () => {
    const { write, dy, shape } = context;
    const [x] = node.inputs as [string];
    const axes = reducedAxes(node, context, shape(x).length);
    const kept = shape(x).map((size, axis) => (axes.includes(axis) ? 1 : size));
    const isIt = write.op('Equal', [x, write.reshape(node.outputs[0]!, kept)]);
    return write.op('Mul', [write.op('Cast', [isIt], { to: int(1) }), write.reshape(dy, kept)]);
  },
];

export const poolingRules: Readonly<Record<string, GradientRule>> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAverage,
  GlobalMaxPool: globalMax,
  ReduceSum: reduction(() => 1),
  ReduceMean: reduction((count) => 1 / count),
  ReduceMax: reduceExtreme,
  ReduceMin: reduceExtreme,
};
