/** Operators that compute each value from the values at its own position, and those that mix some axes and leave others apart. */
import { intAttribute, intsAttribute } from '../../../graph/attributes.ts';
import type { Node } from '../../../graph/model.ts';
import { axisFrom, type CouplingContext, type CouplingRule } from './rule.ts';

/** One input of the output's shape. */
const unary: CouplingRule = {
  couple(node, context) {
    const from = context.axes(node.inputs[0]);
    for (const output of node.outputs.filter(Boolean)) {
      const to = context.axes(output);
      if (to.length !== from.length) return 'its output has another rank';
      from.forEach((axis, at) => {
        context.joinAxes(axis, to[at]);
      });
    }
    return undefined;
  },
};

/** Inputs that stretch to the output's shape, aligned at their last axes. Source: ONNX Broadcasting.md. */
const stretching: CouplingRule = {
  couple(node, context) {
    const to = context.axes(node.outputs[0]);
    for (const input of node.inputs) joinStretched(context, input, to);
    return undefined;
  },
};

function joinStretched(context: CouplingContext, input: string, to: ReturnType<CouplingContext['axes']>): void {
  const from = context.axes(input);
  from.forEach((axis, at) => {
    const target = to[at + to.length - from.length];
    // A size of 1 that stretches is the same for all channels.
    if (target && axis.size === target.size) context.joinAxes(axis, target);
  });
}

/** [batch, channels, …] with parameters for each channel. */
const perChannel: CouplingRule = {
  couple(node, context) {
    const [x, ...parameters] = node.inputs;
    for (const parameter of parameters) context.joinAxes(context.axes(parameter)[0], context.axes(x)[1]);
    return unary.couple({ ...node, outputs: node.outputs.slice(0, 1) }, context);
  },
};

/** Pools each channel by itself; of an image only whole channels can go. */
const pooling: CouplingRule = {
  couple(node, context) {
    const from = context.axes(node.inputs[0]);
    for (const output of node.outputs.filter(Boolean)) {
      const to = context.axes(output);
      for (const at of [0, 1]) context.joinAxes(from[at], to[at]);
      for (const axis of [...from.slice(2), ...to.slice(2)]) context.pin(axis, 'it is an axis of space or time');
    }
    return undefined;
  },
};

/** Mixes values along some axes, which must stay whole; keeps the shape. */
function mixing(mixedAxes: (node: Node, rank: number) => readonly number[]): CouplingRule {
  return {
    couple(node, context) {
      const from = context.axes(node.inputs[0]);
      for (const at of mixedAxes(node, from.length)) context.pin(from[at], `${node.opType} mixes all of it`);
      // Scale and bias of normalisations lie along the mixed axes.
      const to = context.axes(node.outputs[0]);
      for (const input of node.inputs.slice(1)) joinStretched(context, input, to);
      return unary.couple({ ...node, outputs: node.outputs.slice(0, 1) }, context);
    },
  };
}

const fromAxisOn =
  (absent: number) =>
  (node: Node, rank: number): readonly number[] => {
    const first = axisFrom(intAttribute(node, 'axis', absent), rank);
    return Array.from({ length: rank - first }, (_, at) => first + at);
  };

const alongAxis = (node: Node, rank: number): readonly number[] => [axisFrom(intAttribute(node, 'axis', -1), rank)];

/** Reduces some axes away, which must stay whole: fewer values have another mean. */
const reducing: CouplingRule = {
  couple(node, context) {
    const [input, axesName] = node.inputs;
    const from = context.axes(input);
    const to = context.axes(node.outputs[0]);
    const given = axesName ? context.constant(axesName)?.data : undefined;
    if (axesName && !given) return 'its axes are computed';
    const listed = intsAttribute(node, 'axes') ?? (given ? Array.from(given, Number) : from.map((_, at) => at));
    const reduced = new Set(listed.map((axis) => axisFrom(axis, from.length)));
    const keepsAxes = intAttribute(node, 'keepdims', 1) !== 0;
    let next = 0;
    from.forEach((axis, at) => {
      if (reduced.has(at)) context.pin(axis, `${node.opType} sums over all of it`);
      else context.joinAxes(axis, to[keepsAxes ? at : next]);
      if (!reduced.has(at)) next += 1;
    });
    return undefined;
  },
};

function named(names: string, rule: CouplingRule): Record<string, CouplingRule> {
  return Object.fromEntries(names.split(' ').map((name) => [name, rule]));
}

export const elementwiseRules: Readonly<Record<string, CouplingRule>> = {
  ...named('Relu LeakyRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Mish Gelu Erf', unary),
  ...named('Clip ThresholdedRelu Identity Dropout Cast Exp Log Sqrt Neg Abs Reciprocal Sign Floor Ceil Round', unary),
  ...named('Add Sub Mul Div Pow Min Max Sum Mean Where PRelu Mod Equal Less Greater And Or', stretching),
  ...named('BatchNormalization InstanceNormalization', perChannel),
  ...named('MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool', pooling),
  ...named('Softmax LogSoftmax Hardmax', mixing(alongAxis)),
  LayerNormalization: mixing(fromAxisOn(-1)),
  LRN: mixing(() => [1]),
  ...named('ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare', reducing),
};
