/**
 * Rounding as if it were not there (the straight-through estimator, Bengio et al. 2013). The gradient of an integer tensor q is
 * carried in float as dL/dq; through a pair, x → q → s·(q − z), that gives dx = dy and ds = Σ dy·((q − z) − x/s), which is
 * the gradient of learned step sizes (Esser et al. 2020, LSQ, eq. 3) for values that do not saturate. Those that would
 * are clipped before (fake-quantise.ts), so that clipping has its own gradient.
 */
import { intAttribute } from '../../graph/attributes.ts';
import type { Node } from '../../graph/model.ts';
import { type GradientRule, type RuleContext, unbroadcast } from './rule.ts';

/** One scale, or one for each index of `axis`. */
function aligned({ write, shape }: RuleContext, node: Node, name: string): string {
  const rank = shape(node.inputs[0]!).length;
  if (shape(name).length === 0) return name;
  const axis = (intAttribute(node, 'axis', 1) + rank) % rank;
  return write.reshape(
    name,
    Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1)),
  );
}

function toScale(context: RuleContext, node: Node, value: string): string {
  const { write, shape } = context;
  const [x, s] = node.inputs as [string, string];
  const rank = shape(x).length;
  if (shape(s).length === 0) return unbroadcast(write, value, shape(x), []);
  const axis = (intAttribute(node, 'axis', 1) + rank) % rank;
  const others = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);
  return write.sum(value, others, false);
}

/** q = round(x/s) + z: dx = dq/s, ds = −Σ dq·x/s². */
const quantize: GradientRule = (node, context) => {
  const { write, dy } = context;
  const [x, s] = node.inputs as [string, string];
  const overScale = () => write.op('Div', [dy, aligned(context, node, s)]);
  return [
    overScale,
    () => {
      const ratio = write.op('Div', [x, aligned(context, node, s)]);
      return write.op('Neg', [toScale(context, node, write.op('Mul', [overScale(), ratio]))]);
    },
  ];
};

/** y = s·(q − z): dq = dy·s, ds = Σ dy·(q − z) = Σ dy·y/s. */
const dequantize: GradientRule = (node, context) => {
  const { write, dy } = context;
  const [, s] = node.inputs as [string, string];
  return [
    () => write.op('Mul', [dy, aligned(context, node, s)]),
    () => write.op('Div', [toScale(context, node, write.op('Mul', [dy, node.outputs[0]!])), s]),
  ];
};

export const quantisationRules: Readonly<Record<string, GradientRule>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
};
