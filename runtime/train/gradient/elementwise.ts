/** Arithmetic, element by element. */
import { broadcasting, type GradientRule, type RuleContext } from './rule.ts';

/** dL/dx = dy · f′, for one input. */
function derivative(of: (x: string, y: string, context: RuleContext) => string): GradientRule {
  return (node, context) => [
    () => context.write.op('Mul', [context.dy, of(node.inputs[0]!, node.outputs[0]!, context)]),
  ];
}

const same: GradientRule = (_, { dy }) => [() => dy];

/** dL/dx = dy where x is the one that was taken. Of equals, each gets all of it. */
const taken: GradientRule = broadcasting(({ inputs, outputs }, { write, dy }) =>
  inputs.map((input) => () => {
    const isTaken = write.op('Equal', [input, outputs[0]!]);
    return write.op('Mul', [dy, write.op('Cast', [isTaken], { to: { kind: 'int', value: 1n } })]);
  }),
);

export const elementwiseRules: Readonly<Record<string, GradientRule>> = {
  Identity: same,
  /** At inference it does nothing; training with it is not supported. */
  Dropout: same,
  Add: broadcasting((_, { dy }) => [() => dy, () => dy]),
  Sub: broadcasting((_, { write, dy }) => [() => dy, () => write.op('Neg', [dy])]),
  Mul: broadcasting(({ inputs: [a, b] }, { write, dy }) => [
    () => write.op('Mul', [dy, b!]),
    () => write.op('Mul', [dy, a!]),
  ]),
  /** d(a/b) = da/b − (y/b) db */
  Div: broadcasting(({ inputs: [, b], outputs: [y] }, { write, dy }) => [
    () => write.op('Div', [dy, b!]),
    () => write.op('Neg', [write.op('Mul', [dy, write.op('Div', [y!, b!])])]),
  ]),
  /** d(aᵇ) = b·aᵇ⁻¹ da + y·ln a db */
  Pow: broadcasting(({ inputs: [a, b], outputs: [y] }, { write, dy, constant }) => [
    () => {
      const isSquare = constant(b!)?.data.every((exponent) => Number(exponent) === 2);
      const power = isSquare ? a! : write.op('Pow', [a!, write.op('Sub', [b!, write.float(1)])]);
      return write.op('Mul', [dy, write.op('Mul', [power, b!])]);
    },
    () => write.op('Mul', [dy, write.op('Mul', [y!, write.op('Log', [a!])])]),
  ]),
  Sum: broadcasting(({ inputs }, { dy }) => inputs.map(() => () => dy)),
  Max: taken,
  Min: taken,
  Where: broadcasting(({ inputs: [condition] }, { write, dy }) => [
    undefined,
    () => write.op('Where', [condition!, dy, write.float(0)]),
    () => write.op('Where', [condition!, write.float(0), dy]),
  ]),
  Neg: (_, { write, dy }) => [() => write.op('Neg', [dy])],
  Abs: derivative((x, _, { write }) => write.op('Sign', [x])),
  Exp: derivative((_, y) => y),
  Log: (node, { write, dy }) => [() => write.op('Div', [dy, node.inputs[0]!])],
  Sqrt: (node, { write, dy }) => [() => write.op('Div', [write.scale(dy, 0.5), node.outputs[0]!])],
  Reciprocal: derivative((_, y, { write }) => write.op('Neg', [write.op('Mul', [y, y])])),
  Sin: derivative((x, _, { write }) => write.op('Cos', [x])),
  Cos: derivative((x, _, { write }) => write.op('Neg', [write.op('Sin', [x])])),
  /** erf′(x) = 2/√π · e^(−x²) */
  Erf: derivative((x, _, { write }) =>
    write.scale(write.op('Exp', [write.op('Neg', [write.op('Mul', [x, x])])]), 2 / Math.sqrt(Math.PI)),
  ),
};
