/** Activation functions, Softmax among them. */
import { floatAttribute, intAttribute, stringAttribute } from '../../graph/attributes.ts';
import type { Attribute, Node } from '../../graph/model.ts';
import type { Writer } from '../writer.ts';
import { frontAxes, type GradientRule, type RuleContext, unbroadcast } from './rule.ts';

const toFloat: Attribute = { kind: 'int', value: 1n };

/** 1 where the comparison holds, 0 elsewhere. */
function mask(write: Writer, comparison: string, a: string, b: string): string {
  return write.op('Cast', [write.op(comparison, [a, b])], { to: toFloat });
}

/** dL/dx = dy · f′. */
function slope(of: (x: string, y: string, context: RuleContext, node: Node) => string): GradientRule {
  return (node, context) => [
    () => context.write.op('Mul', [context.dy, of(node.inputs[0]!, node.outputs[0]!, context, node)]),
  ];
}

/** Where `x > 0` one slope, elsewhere another: `below + (1 − below)·[x > 0]`. */
function kink(write: Writer, x: string, below: number): string {
  const positive = mask(write, 'Greater', x, write.float(0));
  return write.op('Add', [write.scale(positive, 1 - below), write.float(below)]);
}

/** y is x inside the bounds; outside it is a bound, which gets the gradient there (learned scales need that). */
const clip: GradientRule = ({ inputs: [x, low, high], outputs: [y] }, { write, dy, shape }) => {
  const outside = (comparison: string, bound: string) => () =>
    unbroadcast(write, write.op('Mul', [dy, mask(write, comparison, x!, bound)]), shape(x!), shape(bound));
  return [
    () => write.op('Mul', [dy, mask(write, 'Equal', x!, y!)]),
    low ? outside('Less', low) : undefined,
    high ? outside('Greater', high) : undefined,
  ];
};

const relu: GradientRule = (node, { write, dy }) => [
  // Comparing and casting is twice as fast as Sign, and Where slower than both (ONNX Runtime 1.30).
  () => write.op('Mul', [dy, mask(write, 'Greater', node.outputs[0]!, write.float(0))]),
];

/** Φ(x) + x·φ(x), or the derivative of the tanh approximation. */
const gelu = slope((x, _, { write }, node) =>
  stringAttribute(node, 'approximate', 'none') === 'tanh' ? tanhGeluSlope(write, x) : exactGeluSlope(write, x),
);

function exactGeluSlope(write: Writer, x: string): string {
  const erf = write.op('Erf', [write.scale(x, Math.SQRT1_2)]);
  const cumulative = write.scale(write.op('Add', [erf, write.float(1)]), 0.5);
  const density = write.scale(
    write.op('Exp', [write.scale(write.op('Mul', [x, x]), -0.5)]),
    1 / Math.sqrt(2 * Math.PI),
  );
  return write.op('Add', [cumulative, write.op('Mul', [x, density])]);
}

/** y = ½x(1 + t), t = tanh(c(x + a·x³)): ½(1 + t) + ½x(1 − t²)·c(1 + 3a·x²). */
function tanhGeluSlope(write: Writer, x: string): string {
  const [a, c] = [0.044715, Math.sqrt(2 / Math.PI)];
  const square = write.op('Mul', [x, x]);
  const inner = write.scale(write.op('Mul', [x, write.op('Add', [write.scale(square, a), write.float(1)])]), c);
  const t = write.op('Tanh', [inner]);
  const innerSlope = write.scale(write.op('Add', [write.scale(square, 3 * a), write.float(1)]), c / 2);
  const rest = write.op('Sub', [write.float(1), write.op('Mul', [t, t])]);
  const first = write.scale(write.op('Add', [t, write.float(1)]), 0.5);
  return write.op('Add', [first, write.op('Mul', [write.op('Mul', [x, rest]), innerSlope])]);
}

/** Operator set 12 and before flattened around the axis; those models are refused, as `Softmax` then means something else. */
function softmaxAxis(node: Node, rank: number): readonly number[] {
  return frontAxes([intAttribute(node, 'axis', -1)], rank);
}

export const activationRules: Readonly<Record<string, GradientRule>> = {
  Relu: relu,
  Clip: clip,
  LeakyRelu: slope((x, _, { write }, node) => kink(write, x, floatAttribute(node, 'alpha', 0.01))),
  /** α·eˣ = y + α below zero. */
  Elu: slope((x, y, { write }, node) => {
    const below = write.op('Add', [y, write.float(floatAttribute(node, 'alpha', 1))]);
    return write.op('Where', [write.op('Greater', [x, write.float(0)]), write.float(1), below]);
  }),
  PRelu: ({ inputs: [x, alpha] }, { write, dy, shape }) => [
    () => {
      const positive = write.op('Greater', [x!, write.float(0)]);
      return write.op('Mul', [dy, write.op('Where', [positive, write.float(1), alpha!])]);
    },
    () => {
      const negative = write.op('Min', [x!, write.float(0)]);
      return unbroadcast(write, write.op('Mul', [dy, negative]), shape(x!), shape(alpha!));
    },
  ],
  Sigmoid: slope((_, y, { write }) => write.op('Mul', [y, write.op('Sub', [write.float(1), y])])),
  Tanh: slope((_, y, { write }) => write.op('Sub', [write.float(1), write.op('Mul', [y, y])])),
  Softplus: slope((x, _, { write }) => write.op('Sigmoid', [x])),
  HardSigmoid: slope((_, y, { write }, node) => {
    const alpha = floatAttribute(node, 'alpha', 0.2);
    // y·(1 − y) is positive exactly between the two flat parts.
    const inside = write.op('Sign', [write.op('Mul', [y, write.op('Sub', [write.float(1), y])])]);
    return write.scale(inside, alpha);
  }),
  /** y = x·h, h = max(0, min(1, x/6 + ½)): h + x·h′. */
  HardSwish: slope((x, _, { write }) => {
    const sixth: Attribute = { kind: 'float', value: Math.fround(1 / 6) };
    const h = write.op('HardSigmoid', [x], { alpha: sixth, beta: { kind: 'float', value: 0.5 } });
    const inside = write.op('Sign', [write.op('Mul', [h, write.op('Sub', [write.float(1), h])])]);
    return write.op('Add', [h, write.scale(write.op('Mul', [x, inside]), 1 / 6)]);
  }),
  Gelu: gelu,
  /** y·(dy − Σ dy·y) */
  Softmax: (node, { write, dy, shape }) => [
    () => {
      const [y] = node.outputs;
      const weighted = write.op('Mul', [dy, y!]);
      const total = write.sum(weighted, softmaxAxis(node, shape(y!).length), true);
      return write.op('Sub', [weighted, write.op('Mul', [y!, total])]);
    },
  ],
  /** dy − eʸ·Σ dy */
  LogSoftmax: (node, { write, dy, shape }) => [
    () => {
      const [y] = node.outputs;
      const total = write.sum(dy, softmaxAxis(node, shape(y!).length), true);
      return write.op('Sub', [dy, write.op('Mul', [write.op('Exp', [y!]), total])]);
    },
  ],
};
