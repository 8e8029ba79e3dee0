/** Operators with weights: what makes channels, and what reads them. */
import { int, intAttribute } from '../../../graph/attributes.ts';
import type { Node } from '../../../graph/model.ts';
import type { Axis } from './positions.ts';
import type { CouplingContext, CouplingRule, ResizeContext } from './rule.ts';

/** x [batch, C, …], weight [O, C / group, …kernel], bias [O] → y [batch, O, …]. */
const conv: CouplingRule = {
  channels: { weight: 1, axis: 1 },
  couple(node, context) {
    const { x, weight, bias, y } = operands(node, context);
    if (!x[1] || !y[1] || !weight[0] || !weight[1]) return 'its operands have fewer than two axes';
    keepSpace(context, x, y);
    context.joinAxes(y[1], weight[0]);
    context.joinAxes(y[1], bias[0]);
    const groups = intAttribute(node, 'group', 1);
    const each = y[1].size / groups;
    if (isDepthwise(node, weight[1].size)) joinDepthwise(context, x[1], y[1], each);
    else {
      joinAcrossGroups(context, x[1], weight[1]);
      for (let at = 0; at < y[1].size; at++) context.join(y[1].first + at, y[1].first + (at % each));
    }
    return undefined;
  },
  resize: (node, context) => regroup(node, context, context.dims(node.inputs[1])[1]!),
};

/** x [batch, C, …], weight [C, O / group, …kernel], bias [O] → y [batch, O, …]. */
const convTranspose: CouplingRule = {
  channels: { weight: 1, axis: 1 },
  couple(node, context) {
    const { x, weight, bias, y } = operands(node, context);
    if (!x[1] || !y[1] || !weight[0] || !weight[1]) return 'its operands have fewer than two axes';
    keepSpace(context, x, y);
    context.joinAxes(x[1], weight[0]);
    context.joinAxes(y[1], bias[0]);
    const groups = intAttribute(node, 'group', 1);
    const each = x[1].size / groups;
    if (isDepthwise(node, each)) joinDepthwise(context, x[1], y[1], weight[1].size);
    else {
      joinAcrossGroups(context, y[1], weight[1]);
      for (let at = 0; at < x[1].size; at++) context.join(x[1].first + at, x[1].first + (at % each));
    }
    return undefined;
  },
  resize: (node, context) => regroup(node, context, context.dims(node.inputs[1])[0]! / intAttribute(node, 'group', 1)),
};

function operands(node: Node, context: CouplingContext) {
  const [x, weight, bias] = node.inputs.map((name) => context.axes(name));
  return { x: x!, weight: weight!, bias: bias ?? [], y: context.axes(node.outputs[0]) };
}

function keepSpace(context: CouplingContext, x: readonly Axis[], y: readonly Axis[]): void {
  context.joinAxes(x[0], y[0]);
  for (const axis of [...x.slice(2), ...y.slice(2)]) context.pin(axis, 'it is an axis of space or time');
}

/** Each group reads one channel: the channel, and all that is made of it, go as one, and their group with them. */
function isDepthwise(node: Node, channelsPerGroup: number): boolean {
  return intAttribute(node, 'group', 1) > 1 && channelsPerGroup === 1;
}

function joinDepthwise(context: CouplingContext, x: Axis, y: Axis, each: number): void {
  for (let at = 0; at < y.size; at++) context.join(y.first + at, x.first + Math.floor(at / each));
}

/** Groups stay equally large when each loses the same places. */
function joinAcrossGroups(context: CouplingContext, channels: Axis, ofGroup: Axis): void {
  for (let at = 0; at < channels.size; at++) context.join(channels.first + at, ofGroup.first + (at % ofGroup.size));
}

function regroup(node: Node, context: ResizeContext, channelsPerGroup: number): Node {
  if (!isDepthwise(node, channelsPerGroup)) return node;
  const group = int(context.kept(node.inputs[0]!, 1).length);
  return { ...node, attributes: new Map([...node.attributes, ['group', group]]) };
}

/** a [M, K], b [K, N], c stretches to [M, N]; transA and transB swap. */
const gemm: CouplingRule = {
  channels: { weight: 1, axis: 1 },
  couple(node, context) {
    const [a = [], b = [], c = []] = node.inputs.map((name) => context.axes(name));
    const [rows, columns] = context.axes(node.outputs[0]);
    const [m, k] = intAttribute(node, 'transA', 0) ? [a[1], a[0]] : [a[0], a[1]];
    const [inner, n] = intAttribute(node, 'transB', 0) ? [b[1], b[0]] : [b[0], b[1]];
    context.joinAxes(m, rows);
    context.joinAxes(n, columns);
    context.joinAxes(k, inner);
    const [last, before] = [c.at(-1), c.at(-2)];
    if (last?.size === columns?.size) context.joinAxes(last, columns);
    if (before?.size === rows?.size) context.joinAxes(before, rows);
    return undefined;
  },
};

/** a […, M, K], b […, K, N] → […, M, N]; what stands before stretches. */
const matMul: CouplingRule = {
  channels: { weight: 1, axis: -1 },
  couple(node, context) {
    const [a = [], b = []] = node.inputs.map((name) => context.axes(name));
    const y = context.axes(node.outputs[0]);
    if (a.length < 2 || b.length < 2) return 'it multiplies a vector';
    context.joinAxes(a.at(-2), y.at(-2));
    context.joinAxes(b.at(-1), y.at(-1));
    context.joinAxes(a.at(-1), b.at(-2));
    for (const operand of [a, b]) {
      for (let fromEnd = 3; fromEnd <= operand.length; fromEnd++) {
        const [from, to] = [operand.at(-fromEnd), y.at(-fromEnd)];
        if (from?.size === to?.size) context.joinAxes(from, to);
      }
    }
    return undefined;
  },
};

/** x [steps, batch, I], w [directions, gates · H, I], r [directions, gates · H, H]: hidden units go with all their gates. */
const recurrent = (gates: number): CouplingRule => ({
  channels: { weight: 1, axis: -1 },
  couple(node, context) {
    if (intAttribute(node, 'layout', 0) !== 0) return 'its layout puts the batch first';
    const [x = [], w = [], r = [], b = [], , initialH = [], initialC = [], peepholes = []] = node.inputs.map((name) =>
      context.axes(name),
    );
    const [y = [], yH = [], yC = []] = node.outputs.map((name) => context.axes(name));
    const hidden = r[2];
    if (!x[2] || !w[1] || !w[2] || !hidden) return 'its operands are not those of a recurrent layer';
    context.joinAxes(x[2], w[2]);
    // Each of these is [directions, …] blocks of one row, or value, for each hidden unit.
    for (const stacked of [w[1], r[1], b[1], peepholes[1]]) joinStacked(context, hidden, stacked);
    for (const state of [y[3], yH[2], yC[2], initialH[2], initialC[2]]) context.joinAxes(hidden, state);
    for (const time of [x[0], y[0]]) context.pin(time, 'it is an axis of space or time');
    for (const directions of [w[0], r[0], y[1], yH[0], yC[0]])
      context.pin(directions, 'it is the direction of reading');
    context.joinAxes(x[1], y[2]);
    return w[1].size === gates * hidden.size ? undefined : 'its weights have an unexpected size';
  },
  resize(node, context) {
    const hidden = int(context.kept(node.inputs[2]!, 2).length);
    return { ...node, attributes: new Map([...node.attributes, ['hidden_size', hidden]]) };
  },
});

function joinStacked(context: CouplingContext, hidden: Axis, stacked: Axis | undefined): void {
  for (let at = 0; at < (stacked?.size ?? 0); at++)
    context.join(stacked!.first + at, hidden.first + (at % hidden.size));
}

export const layerRules: Readonly<Record<string, CouplingRule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  Gemm: gemm,
  MatMul: matMul,
  LSTM: recurrent(4),
  GRU: recurrent(3),
  RNN: recurrent(1),
};
