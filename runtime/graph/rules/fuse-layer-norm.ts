/**
 * `d = x − mean(x)`, `y = d / √(mean(d²) + ε) · γ + β` over the last axis, written out as nine nodes ⇒
 * `y = LayerNormalization(x, γ, β)`. Only if γ and β are constant vectors and the operator set has the operator (17).
 */
import { float, int, intAttribute, intsAttribute } from '../attributes.ts';
import { node } from '../build.ts';
import { opsetVersion } from '../model.ts';
import type { RewriteContext, Rule } from '../rewrite.ts';
import { bothOrders, floatsOf, integersOf, producedBy, scalarOf, soleProducer } from './match.ts';

export const fuseLayerNorm: Rule = {
  name: 'fuseLayerNorm',
  opTypes: ['Add'],
  replace(add, context) {
    if ((opsetVersion(context.model) ?? 0) < 17) return undefined;
    for (const [scaled, beta] of bothOrders(add)) {
      const mul = soleProducer(scaled, 'Mul', context);
      for (const [normalized, gamma] of mul ? bothOrders(mul) : []) {
        const found = normalizedInput(normalized, context);
        if (!found || !isVector(gamma, context) || !isVector(beta, context)) continue;
        const attributes = { axis: int(-1), epsilon: float(found.epsilon) };
        return { nodes: [node('LayerNormalization', [found.x, gamma, beta], add.outputs, attributes, add.name)] };
      }
    }
    return undefined;
  },
};

/** x and ε of `d / √(mean(d²) + ε)`. */
function normalizedInput(value: string, context: RewriteContext): { x: string; epsilon: number } | undefined {
  const div = soleProducer(value, 'Div', context);
  const sub = producedBy(div?.inputs[0], 'Sub', context);
  const sqrt = soleProducer(div?.inputs[1], 'Sqrt', context);
  const sum = soleProducer(sqrt?.inputs[0], 'Add', context);
  if (!sub || !sum) return undefined;
  const [x, mean] = sub.inputs;
  if (lastAxisMean(mean, context) !== x || !x) return undefined;
  for (const [variance, small] of bothOrders(sum)) {
    const epsilon = scalarOf(small, context);
    if (epsilon !== undefined && squared(lastAxisMean(variance, context), context) === sub.outputs[0])
      return { x, epsilon };
  }
  return undefined;
}

/** What `value` is the mean of over the last axis. */
function lastAxisMean(value: string | undefined, context: RewriteContext): string | undefined {
  const mean = soleProducer(value, 'ReduceMean', context);
  if (!mean || intAttribute(mean, 'keepdims', 1) !== 1) return undefined;
  const axes = integersOf(mean.inputs[1], context) ?? intsAttribute(mean, 'axes');
  const rank = context.dims(mean.inputs[0]!)?.length;
  const isLast = axes?.length === 1 && (axes[0] === -1 || (rank !== undefined && axes[0] === rank - 1));
  return isLast ? mean.inputs[0] : undefined;
}

/** What `value` is the square of. */
function squared(value: string | undefined, context: RewriteContext): string | undefined {
  const power = soleProducer(value, 'Pow', context);
  if (power && scalarOf(power.inputs[1], context) === 2) return power.inputs[0];
  const product = soleProducer(value, 'Mul', context);
  return product && product.inputs[0] === product.inputs[1] ? product.inputs[0] : undefined;
}

function isVector(value: string, context: RewriteContext): boolean {
  return floatsOf(value, context)?.dims.length === 1;
}
