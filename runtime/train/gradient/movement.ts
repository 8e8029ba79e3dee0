/** What moves values without changing them: the gradient moves back. */
import { int, intAttribute, intsAttribute, string, stringAttribute } from '../../graph/attributes.ts';
import { int64 } from '../../graph/build.ts';
import type { Node } from '../../graph/model.ts';
import { elementCount } from '../../graph/tensor.ts';
import type { Writer } from '../writer.ts';
import { constantNumbers, frontAxes, type GradientRule, type RuleContext, range, unbroadcast } from './rule.ts';

const reshaped: GradientRule = ({ inputs: [x] }, { write, dy, shape }) => [() => write.reshape(dy, shape(x!))];

const transposed: GradientRule = (node, { write, dy, shape }) => [
  () => {
    const axes = range(shape(node.inputs[0]!).length);
    const permutation = intsAttribute(node, 'perm', axes.toReversed());
    return write.transpose(
      dy,
      axes.map((axis) => permutation.indexOf(axis)),
    );
  },
];

const concat: GradientRule = (node, { write, dy, shape }) => {
  const axis = axisOf(node, shape(node.outputs[0]!).length);
  const sizes = node.inputs.map((input) => shape(input)[axis]!);
  return node.inputs.map((_, i) => () => {
    const start = sizes.slice(0, i).reduce((sum, size) => sum + size, 0);
    return write.op('Slice', [dy, write.ints([start]), write.ints([start + sizes[i]!]), write.ints([axis])]);
  });
};

/** Parts that the loss does not depend on get zeros. */
const split: GradientRule = (node, { write, gradientOf, shape }) => [
  () => {
    const parts = node.outputs.map((output, i) => gradientOf(i) ?? zeros(write, shape(output)));
    return write.op('Concat', parts, { axis: int(axisOf(node, shape(node.inputs[0]!).length)) });
  },
];

/** Steps of 1: what was cut off becomes zeros. Other steps scatter along their axis first. */
const slice: GradientRule = (node, context) => [
  () => {
    const { write, shape } = context;
    const dims = shape(node.inputs[0]!);
    const pads = new Array<number>(dims.length * 2).fill(0);
    let value = context.dy;
    const valueDims = [...shape(node.outputs[0]!)];
    for (const { axis, indices } of slicedAxes(node, context, dims)) {
      const size = dims[axis]!;
      if (indices.every((index, k) => index === indices[0]! + k)) {
        [pads[axis], pads[axis + dims.length]] = [indices[0]!, size - 1 - indices.at(-1)!];
        continue;
      }
      value = scatter(write, value, valueDims, axis, size, write.constant(int64([indices.length], indices)));
      valueDims[axis] = size;
    }
    return pads.every((count) => count === 0) ? value : write.op('Pad', [value, write.ints(pads)]);
  },
];

/** Of each sliced axis the indices that were kept. */
function slicedAxes(node: Node, context: RuleContext, dims: readonly number[]) {
  const starts = constantNumbers(context, node.inputs[1]) ?? intsAttribute(node, 'starts', []);
  const axes = constantNumbers(context, node.inputs[3]) ?? intsAttribute(node, 'axes', range(starts.length));
  const steps = constantNumbers(context, node.inputs[4]) ?? starts.map(() => 1);
  const counts = context.shape(node.outputs[0]!);
  return frontAxes(axes, dims.length).map((axis, i) => {
    const [size, step] = [dims[axis]!, steps[i]!];
    const from = starts[i]! < 0 ? starts[i]! + size : starts[i]!;
    const first = Math.min(Math.max(from, 0), step > 0 ? size : size - 1);
    return { axis, indices: range(counts[axis]!).map((k) => first + k * step) };
  });
}

/** Constant padding: what was added is cut off, what was cut off becomes zeros. */
const pad: GradientRule = (node, context) => {
  // The other modes repeat values, whose gradients would add up.
  if (stringAttribute(node, 'mode', 'constant') !== 'constant') return [];
  return [
    () => {
      const { write, dy, shape } = context;
      const given = constantNumbers(context, node.inputs[1]) ?? intsAttribute(node, 'pads', []);
      const rank = shape(node.inputs[0]!).length;
      const axes = frontAxes(constantNumbers(context, node.inputs[3]) ?? range(rank), rank);
      const back = new Array<number>(rank * 2).fill(0);
      for (const [i, axis] of axes.entries()) {
        back[axis] = -given[i]!;
        back[axis + rank] = -given[i + axes.length]!;
      }
      return write.op('Pad', [dy, write.ints(back)]);
    },
  ];
};

/** Rows that were taken several times get the sum. Indices may be computed. */
const gather: GradientRule = (node, { write, dy, shape }) => [
  () => {
    const [x, indices] = node.inputs as [string, string];
    const dims = shape(x);
    const axis = axisOf(node, dims.length);
    const count = elementCount(shape(indices));
    const flatDims = [...dims.slice(0, axis), count, ...dims.slice(axis + 1)];
    return scatter(write, write.reshape(dy, flatDims), flatDims, axis, dims[axis]!, write.reshape(indices, [-1]));
  },
];

const gatherElements: GradientRule = (node, { write, dy, shape }) => [
  () => {
    const [x, indices] = node.inputs as [string, string];
    const attributes = { axis: int(axisOf(node, shape(x).length)), reduction: string('add') };
    return write.op('ScatterElements', [zeros(write, shape(x)), indices, dy], attributes);
  },
];

const expand: GradientRule = (node, { write, dy, shape }) => [
  () => unbroadcast(write, dy, shape(node.outputs[0]!), shape(node.inputs[0]!)),
];

/** [a·n] → [a, n], summed over the repetitions. */
const tile: GradientRule = (node, { write, dy, shape }) => [
  () => {
    const dims = shape(node.inputs[0]!);
    const parted = dims.flatMap((size, axis) => [shape(node.outputs[0]!)[axis]! / size, size]);
    return write.sum(
      write.reshape(dy, parted),
      range(dims.length).map((axis) => axis * 2),
      false,
    );
  },
];

/** `value` of shape `dims`, added along `axis` into zeros of that axis's `size` at `indices` [dims[axis]]. */
function scatter(
  write: Writer,
  value: string,
  dims: readonly number[],
  axis: number,
  size: number,
  indices: string,
): string {
  const column = write.reshape(
    indices,
    dims.map((_, i) => (i === axis ? -1 : 1)),
  );
  const target = zeros(
    write,
    dims.map((other, i) => (i === axis ? size : other)),
  );
  const expanded = write.op('Expand', [column, write.ints(dims)]);
  return write.op('ScatterElements', [target, expanded, value], { axis: int(axis), reduction: string('add') });
}

function zeros(write: Writer, dims: readonly number[]): string {
  return write.op('ConstantOfShape', [write.ints(dims)]);
}

function axisOf(node: Node, rank: number): number {
  return frontAxes([intAttribute(node, 'axis', 0)], rank)[0]!;
}

export const movementRules: Readonly<Record<string, GradientRule>> = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transposed,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Gather: gather,
  GatherElements: gatherElements,
  Expand: expand,
  Tile: tile,
};
