/** Normalisations. */
import { floatAttribute, intAttribute } from '../../graph/attributes.ts';
import { elementCount } from '../../graph/tensor.ts';
import { frontAxes, type GradientRule, type RuleContext, range, unbroadcast } from './rule.ts';

/**
 * y = γ·(x − μ)/√(σ² + ε) + β with μ and σ² as given: constants when frozen, computed from the batch in training
 * (batch-statistics.ts), where their own gradients flow on into x. Source: Ioffe and Szegedy 2015, section 3.
 */
const batchNorm: GradientRule = (node, context) => {
  const [x, gamma, , mean, variance] = node.inputs as [string, string, string, string, string];
  const { write, dy, shape } = context;
  const dims = shape(x);
  const perChannel = (name: string) => write.reshape(name, [1, -1, ...dims.slice(2).map(() => 1)]);
  const overAllButChannel = (value: string) => write.sum(value, [0, ...range(dims.length).slice(2)], false);
  const inverse = once(() => inverseDeviation(context, variance, floatAttribute(node, 'epsilon', 1e-5)));
  const slope = once(() => write.op('Mul', [gamma, inverse()]));
  const dBeta = once(() => overAllButChannel(dy));
  // Σ dy·(x − μ)
  const weighted = once(() => overAllButChannel(write.op('Mul', [dy, write.op('Sub', [x, perChannel(mean)])])));
  return [
    () => write.op('Mul', [dy, perChannel(slope())]),
    () => write.op('Mul', [weighted(), inverse()]),
    dBeta,
    () => write.op('Neg', [write.op('Mul', [dBeta(), slope()])]),
    () => {
      const cube = write.op('Mul', [slope(), write.op('Mul', [inverse(), inverse()])]);
      return write.scale(write.op('Mul', [weighted(), cube]), -0.5);
    },
  ];
};

function inverseDeviation({ write }: RuleContext, variance: string, epsilon: number): string {
  return write.op('Reciprocal', [write.op('Sqrt', [write.op('Add', [variance, write.float(epsilon)])])]);
}

/**
 * Normalised over some axes, then scaled: with x̂ = (x − μ)/σ and g = dL/dx̂, dx = (g − mean(g) − x̂·mean(g·x̂))/σ.
 * Source: Ba et al. 2016.
 */
const layerNorm: GradientRule = (node, context) => {
  const [x, gamma, beta] = node.inputs as [string, string, string | undefined];
  const { write, dy, shape } = context;
  const dims = shape(x);
  const first = frontAxes([intAttribute(node, 'axis', -1)], dims.length)[0]!;
  const axes = range(dims.length).slice(first);
  const count = elementCount(axes.map((axis) => dims[axis]!));
  const mean = (value: string) => write.scale(write.sum(value, axes, true), 1 / count);
  const normalised = once(() => {
    const centred = write.op('Sub', [x, mean(x)]);
    const variance = mean(write.op('Mul', [centred, centred]));
    const inverse = inverseDeviation(context, variance, floatAttribute(node, 'epsilon', 1e-5));
    return { inverse, values: write.op('Mul', [centred, inverse]) };
  });
  return [
    () => {
      const { inverse, values } = normalised();
      const g = write.op('Mul', [dy, gamma]);
      const shared = write.op('Add', [mean(g), write.op('Mul', [values, mean(write.op('Mul', [g, values]))])]);
      return write.op('Mul', [write.op('Sub', [g, shared]), inverse]);
    },
    () => unbroadcast(write, write.op('Mul', [dy, normalised().values]), dims, shape(gamma)),
    beta ? () => unbroadcast(write, dy, dims, shape(beta)) : undefined,
  ];
};

/** What several gradients share is written once. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

export const normalisationRules: Readonly<Record<string, GradientRule>> = {
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
};
