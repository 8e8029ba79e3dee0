/** Operators that move values without changing them: which position goes where, and what to write into them once some are gone. */
import { intAttribute, ints, intsAttribute, stringAttribute } from '../../../graph/attributes.ts';
import type { Attribute, Node } from '../../../graph/model.ts';
import type { Axis, Dims } from './positions.ts';
import { axisFrom, type CouplingContext, type CouplingRule, type ResizeContext } from './rule.ts';

/** Axes that hold the same values before and after; axes of size 1 hold none and are left out. */
type Segment = { readonly from: readonly Axis[]; readonly to: readonly Axis[] };

const reshape: CouplingRule = {
  couple(node, context) {
    const [from, to] = [context.axes(node.inputs[0]), context.axes(node.outputs[0])];
    for (const segment of segmentsOf(from, to)) joinSegment(context, segment);
    return keepComputedSizes(node, context, 1);
  },
  resize: (node, context) => resizeShape(node, context, 1),
};

/** Squeeze, Unsqueeze, Flatten: a reshape that states no sizes. */
const rearrange: CouplingRule = {
  couple(node, context) {
    const [from, to] = [context.axes(node.inputs[0]), context.axes(node.outputs[0])];
    for (const segment of segmentsOf(from, to)) joinSegment(context, segment);
    return undefined;
  },
};

function segmentsOf(from: readonly Axis[], to: readonly Axis[]): readonly Segment[] {
  const [before, after] = [from, to].map((axes) => axes.filter(({ size }) => size !== 1)) as [Axis[], Axis[]];
  const segments: Segment[] = [];
  while (before.length > 0 && after.length > 0) {
    const segment = { from: [before.shift()!], to: [after.shift()!] };
    for (let difference = productOf(segment.from) - productOf(segment.to); difference !== 0; ) {
      const next = difference < 0 ? before.shift() : after.shift();
      if (next === undefined)
        return [...segments, { from: [...segment.from, ...before], to: [...segment.to, ...after] }];
      (difference < 0 ? segment.from : segment.to).push(next);
      difference = productOf(segment.from) - productOf(segment.to);
    }
    segments.push(segment);
  }
  return segments;
}

function productOf(axes: readonly Axis[]): number {
  return axes.reduce((product, { size }) => product * size, 1);
}

function joinSegment(context: CouplingContext, { from, to }: Segment): void {
  if (from.length === 1 && to.length === 1) {
    context.joinAxes(from[0], to[0]);
    return;
  }
  if (from.length > 1 && to.length > 1) {
    for (const axis of [...from, ...to]) context.pin(axis, 'a reshape mixes its axes');
    return;
  }
  const [one, many] = from.length === 1 ? [from[0]!, to] : [to[0]!, from];
  // Of a vector cut into several axes, or several flattened to one, one axis can lose positions: the innermost free one.
  const followed = many.findLastIndex((axis) => context.isFree(axis));
  many.forEach((axis, at) => {
    if (at !== followed) context.pin(axis, 'a reshape joins it with another axis');
  });
  if (followed < 0) {
    context.pin(one, 'a reshape makes it of axes that stay');
    return;
  }
  const stride = productOf(many.slice(followed + 1));
  const { first, size } = many[followed]!;
  for (let at = 0; at < one.size; at++) context.join(one.first + at, first + (Math.floor(at / stride) % size));
}

/** A size that is computed when running cannot be rewritten, so the axis must stay; −1 and 0 adapt by themselves. */
function keepComputedSizes(node: Node, context: CouplingContext, input: number): string | undefined {
  const sizes = context.shapeVector(node.inputs[input]);
  if (!sizes) return 'its shape is computed';
  const isWritten = context.constant(node.inputs[input]) !== undefined;
  const axes = context.axes(node.outputs[0]);
  axes.slice(axes.length - sizes.length).forEach((axis, at) => {
    const size = sizes[at];
    if (size === undefined || (!isWritten && size > 0)) context.pin(axis, 'its size is computed when running');
  });
  return undefined;
}

/** Stated sizes become those that are left; −1 and 0 stay. */
function resizeShape(node: Node, context: ResizeContext, input: number): Node {
  const stated = context.constant(node.inputs[input]);
  if (!stated) return node;
  const [output = ''] = node.outputs;
  const sizes = Array.from(stated.data, Number);
  return withVector(
    node,
    context,
    input,
    sizes.map((size, at) =>
      size > 1 ? context.kept(output, at + context.dims(output).length - sizes.length).length : size,
    ),
  );
}

function withVector(node: Node, context: ResizeContext, input: number, values: readonly number[]): Node {
  const before = context.constant(node.inputs[input]);
  if (before && values.every((value, at) => value === Number(before.data[at]))) return node;
  const inputs = [...node.inputs];
  while (inputs.length < input) inputs.push('');
  inputs[input] = context.vector(`${node.outputs[0]}_${node.opType}`, values);
  return { ...node, inputs };
}

const expand: CouplingRule = {
  couple(node, context) {
    const [from, to] = [context.axes(node.inputs[0]), context.axes(node.outputs[0])];
    from.forEach((axis, at) => {
      const target = to[at + to.length - from.length]!;
      if (axis.size === target.size) context.joinAxes(axis, target);
    });
    return keepComputedSizes(node, context, 1);
  },
  resize: (node, context) => resizeShape(node, context, 1),
};

const transpose: CouplingRule = {
  couple(node, context) {
    const [from, to] = [context.axes(node.inputs[0]), context.axes(node.outputs[0])];
    const order = intsAttribute(node, 'perm') ?? from.map((_, at) => from.length - 1 - at);
    order.forEach((source, at) => {
      context.joinAxes(from[source], to[at]);
    });
    return undefined;
  },
};

const concat: CouplingRule = {
  couple(node, context) {
    const to = context.axes(node.outputs[0]);
    const along = axisFrom(intAttribute(node, 'axis', 0), to.length);
    joinParts(context, node.inputs, node.outputs[0]!, along);
    return undefined;
  },
};

/** Axis `along` of the parts, one after another, is that of the whole; the other axes are equal. */
function joinParts(context: CouplingContext, parts: readonly string[], whole: string, along: number): void {
  const target = context.axes(whole);
  let offset = 0;
  for (const part of parts.filter(Boolean)) {
    context.axes(part).forEach((axis, at) => {
      const first = target[at]!.first + (at === along ? offset : 0);
      context.joinAxes(axis, { first, size: axis.size });
    });
    offset += context.axes(part)[along]!.size;
  }
}

const split: CouplingRule = {
  couple(node, context) {
    const rank = context.dims(node.inputs[0]).length;
    joinParts(context, node.outputs, node.inputs[0]!, axisFrom(intAttribute(node, 'axis', 0), rank));
    return node.outputs.includes('') ? 'a part of it is not used' : undefined;
  },
  /** Parts that were equal may not be any more, so their sizes are stated. */
  resize(node, context) {
    const along = axisFrom(intAttribute(node, 'axis', 0), context.dims(node.inputs[0]).length);
    const sizes = node.outputs.map((output) => context.kept(output, along).length);
    if (node.outputs.every((output, at) => context.dims(output)[along] === sizes[at])) return node;
    if (node.attributes.has('split')) return withAttribute(node, 'split', ints(sizes));
    const attributes = new Map([...node.attributes].filter(([name]) => name !== 'num_outputs'));
    return withVector({ ...node, attributes }, context, 1, sizes);
  },
};

function withAttribute(node: Node, name: string, value: Attribute): Node {
  return { ...node, attributes: new Map([...node.attributes, [name, value]]) };
}

/** One axis of a slice: `start` inclusive, within the axis. */
type Cut = { readonly axis: number; readonly start: number; readonly step: number };

const slice: CouplingRule = {
  couple(node, context) {
    const [from, to] = [context.axes(node.inputs[0]), context.axes(node.outputs[0])];
    const cuts = cutsOf(node, context, context.dims(node.inputs[0]));
    if (!cuts) return 'where it cuts is computed';
    from.forEach((axis, at) => {
      const cut = cuts.find((each) => each.axis === at);
      if (cut && cut.step !== 1) {
        for (const stepped of [axis, to[at]!]) context.pin(stepped, 'a slice takes every so many of it');
      } else context.joinAxes(to[at], { first: axis.first + (cut?.start ?? 0), size: to[at]!.size });
    });
    return undefined;
  },
  resize(node, context) {
    const [input = '', output = ''] = [node.inputs[0], node.outputs[0]];
    const cuts = cutsOf(node, context, context.dims(input))!;
    if (
      node.inputs.length < 2 ||
      cuts.every(({ axis }) => context.kept(input, axis).length === context.dims(input)[axis])
    )
      return node;
    const moved = cuts.map(({ axis, start, step }) => {
      // Stepped axes are pinned: all of them is left.
      if (step !== 1) return undefined;
      const first = context.kept(input, axis).filter((position) => position < start).length;
      return [first, first + context.kept(output, axis).length] as const;
    });
    const [starts, ends] = [1, 2].map((at) => Array.from(context.constant(node.inputs[at])!.data, Number));
    const withStarts = withVector(
      node,
      context,
      1,
      moved.map((cut, at) => cut?.[0] ?? starts![at]!),
    );
    return withVector(
      withStarts,
      context,
      2,
      moved.map((cut, at) => cut?.[1] ?? ends![at]!),
    );
  },
};

type Constants = Pick<CouplingContext, 'constant'>;

/** Undefined when they are not constant, or are attributes of an old operator set. Source: ONNX Slice-13. */
function cutsOf(node: Node, { constant }: Constants, dims: Dims): readonly Cut[] | undefined {
  const [, starts, , axes, steps] = node.inputs.map((name) => constant(name)?.data);
  if (!starts || (node.inputs[3] && !axes) || (node.inputs[4] && !steps)) return undefined;
  return Array.from(starts, Number).map((start, at) => {
    const axis = axisFrom(axes ? Number(axes[at]) : at, dims.length);
    const from = axisFrom(start, dims[axis]!);
    return { axis, start: Math.max(0, Math.min(from, dims[axis]!)), step: steps ? Number(steps[at]) : 1 };
  });
}

/** data, constant indices → data at these positions of one axis; also the width of an embedding. */
const gather: CouplingRule = {
  couple(node, context) {
    const [data = '', indices = ''] = node.inputs;
    const [from, to] = [context.axes(data), context.axes(node.outputs[0])];
    const along = axisFrom(intAttribute(node, 'axis', 0), from.length);
    const rank = context.dims(indices).length;
    from.slice(0, along).forEach((axis, at) => {
      context.joinAxes(axis, to[at]);
    });
    from.slice(along + 1).forEach((axis, at) => {
      context.joinAxes(axis, to[along + rank + at]);
    });
    const chosen = context.constant(indices);
    if (chosen && rank === 1)
      Array.from(chosen.data, Number).forEach((index, at) => {
        context.join(to[along]!.first + at, from[along]!.first + axisFrom(index, from[along]!.size));
      });
    else context.pin(from[along], 'a gather picks from it by number');
    return undefined;
  },
  resize(node, context) {
    const [data = '', indices = ''] = node.inputs;
    const along = axisFrom(intAttribute(node, 'axis', 0), context.dims(data).length);
    const kept = context.kept(data, along);
    const size = context.dims(data)[along]!;
    const chosen = context.constant(indices);
    if (kept.length === size || !chosen) return node;
    const picked = Array.from(chosen.data, Number).map((index) => kept.indexOf(axisFrom(index, size)));
    return withVector(
      node,
      context,
      1,
      picked.filter((index) => index >= 0),
    );
  },
};

const pad: CouplingRule = {
  couple(node, context) {
    const [from, to] = [context.axes(node.inputs[0]), context.axes(node.outputs[0])];
    const pads = padsOf(node, context, from.length);
    if (!pads) return 'how much it pads is computed';
    const isConstant = stringAttribute(node, 'mode', 'constant') === 'constant';
    from.forEach((axis, at) => {
      const { before, after } = pads[at]!;
      const isFollowed = (isConstant || (before === 0 && after === 0)) && before >= 0 && after >= 0;
      if (isFollowed) context.joinAxes(axis, { first: to[at]!.first + before, size: axis.size });
      else for (const padded of [axis, to[at]!]) context.pin(padded, 'a pad repeats or cuts it');
    });
    return undefined;
  },
  resize(node, context) {
    const [output = ''] = node.outputs;
    const dims = context.dims(node.inputs[0]);
    const pads = padsOf(node, context, dims.length)!;
    const left = pads.map(({ before }, at) => {
      const kept = context.kept(output, at);
      const isAfter = (position: number) => position >= before + dims[at]!;
      return [kept.filter((position) => position < before).length, kept.filter(isAfter).length] as const;
    });
    const isUnchanged = left.every(([before, after], at) => before === pads[at]!.before && after === pads[at]!.after);
    // Cutting pads are negative, and their axes pinned.
    if (isUnchanged || pads.some(({ before, after }) => before < 0 || after < 0)) return node;
    const values = [...left.map(([before]) => before), ...left.map(([, after]) => after)];
    return node.attributes.has('pads')
      ? withAttribute(node, 'pads', ints(values))
      : withVector(node, context, 1, values);
  },
};

function padsOf(node: Node, { constant }: Constants, rank: number) {
  const stated = intsAttribute(node, 'pads') ?? (node.inputs[1] ? constant(node.inputs[1])?.data : undefined);
  if (!stated || node.inputs[3]) return undefined;
  const values = Array.from(stated, Number);
  return Array.from({ length: rank }, (_, at) => ({ before: values[at]!, after: values[at + rank]! }));
}

const tile: CouplingRule = {
  couple(node, context) {
    const [from, to] = [context.axes(node.inputs[0]), context.axes(node.outputs[0])];
    from.forEach(({ first, size }, at) => {
      for (let position = 0; position < to[at]!.size; position++)
        context.join(to[at]!.first + position, first + (position % size));
    });
    return undefined;
  },
};

/** Axes that keep their size keep their values' places, too; the others are space. */
const resize: CouplingRule = {
  couple(node, context) {
    const [from, to] = [context.axes(node.inputs[0]), context.axes(node.outputs[0])];
    from.forEach((axis, at) => {
      if (axis.size === to[at]!.size) context.joinAxes(axis, to[at]);
      else for (const scaled of [axis, to[at]!]) context.pin(scaled, 'it is an axis of space or time');
    });
    return node.inputs[3] ? keepComputedSizes(node, context, 3) : undefined;
  },
  resize: (node, context) => (node.inputs[3] ? resizeShape(node, context, 3) : node),
};

/** Sizes that something computes with: were they others, its result would be. */
const shape: CouplingRule = {
  couple(node, context) {
    const axes = context.axes(node.inputs[0]);
    const picks = context.readers(node.outputs[0]!).map((reader) => {
      const picked = reader.opType === 'Gather' ? context.constant(reader.inputs[1]) : undefined;
      return picked && Array.from(picked.data, Number).map((index) => axisFrom(index, axes.length));
    });
    const isPicked = (at: number) => picks.some((picked) => picked === undefined || picked.includes(at));
    axes.forEach((axis, at) => {
      if (isPicked(at)) context.pin(axis, 'its size is computed with');
    });
    return undefined;
  },
};

export const shapeRules: Readonly<Record<string, CouplingRule>> = {
  Reshape: reshape,
  Flatten: rearrange,
  Squeeze: rearrange,
  Unsqueeze: rearrange,
  Expand: expand,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: { ...gather, channels: { weight: 0, axis: -1 } },
  Pad: pad,
  Tile: tile,
  Resize: resize,
  Upsample: resize,
  Shape: shape,
};
