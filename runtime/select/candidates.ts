/**
 * Which recipes are worth building for this model on this processor. Pure: the same hardware and model always give the
 * same list. float32 comes first and is always there; the order is from simple to involved, which breaks ties later.
 */
import type { Int8Family } from '../hardware/int8-outlook.ts';
import type { ModelSummary } from '../measure/messages.ts';
import { fastTypesOf } from '../quantize/fast-types.ts';
import { type Recipe, recipeSchema } from '../quantize/recipe.ts';

export type Candidate = {
  readonly name: string;
  /** Null for float32, which is the model itself. */
  readonly recipe: Recipe | null;
  /** Why it is worth a trial. */
  readonly reason: string;
};

export type Candidates = {
  readonly included: readonly Candidate[];
  /** What was not even tried, and why. */
  readonly excluded: readonly { readonly name: string; readonly reason: string }[];
};

export type CandidateHardware = { readonly family: Int8Family };

/** Operators that static quantisation turns into integer kernels. */
const staticOperators = ['Conv', 'MatMul', 'Gemm'];
/** Operators whose dynamic form is worth its run-time ranges; the dynamic form of Conv is many times slower than float. */
const dynamicOperators = ['MatMul', 'Gemm', 'LSTM'];
/** Below this, finding ranges at run time costs more than the multiplication saves. */
const fewestDynamicWeights = 4096;

export function candidates(hardware: CandidateHardware, model: ModelSummary): Candidates {
  const proposals = [...staticProposals(hardware, model), dynamicProposal(hardware, model)];
  const float32: Candidate = {
    name: 'float32',
    recipe: null,
    reason: 'the model itself: what every variant must beat',
  };
  return {
    included: [float32, ...proposals.filter((proposal) => 'recipe' in proposal)],
    excluded: proposals.filter((proposal) => !('recipe' in proposal)),
  };
}

type Proposal = Candidate | { readonly name: string; readonly reason: string };

function staticProposals({ family }: CandidateHardware, { operators }: ModelSummary): Proposal[] {
  const { activation, reduceRange, reason: why } = fastTypesOf(family);
  const prefix = `static-${activation === 'uint8' ? 'u8s8' : 's8s8'}`;
  const found = staticOperators.filter((operator) => operators[operator]);
  if (found.length === 0)
    return [{ name: prefix, reason: `the model has no ${staticOperators.join(', ')} to run in int8` }];
  const observers = [
    ['min-max', 'the whole observed range'],
    ['mse', 'the range with the least squared error, which ignores rare outliers'],
  ] as const;
  return observers.map(([observer, range]) => {
    const name = `${prefix}-${observer}`;
    const recipe = recipeSchema.parse({ kind: 'static', name, activation, reduceRange, observer });
    return { name, recipe, reason: `${found.join(', ')}: ${why}; ${range}` };
  });
}

function dynamicProposal({ family }: CandidateHardware, { operators, weights }: ModelSummary): Proposal {
  const name = 'dynamic';
  const found = dynamicOperators.filter((operator) => weights[operator]);
  const count = found.reduce((sum, operator) => sum + (weights[operator] ?? 0), 0);
  if (found.length === 0) {
    const convolutional = operators.Conv ? '; the dynamic form of Conv is many times slower than float' : '';
    return { name, reason: `the model has no ${dynamicOperators.join(', ')} with weights${convolutional}` };
  }
  if (count < fewestDynamicWeights)
    return {
      name,
      reason: `only ${count} weights in ${found.join(', ')}: finding ranges at run time costs more than it saves`,
    };
  return {
    name,
    recipe: recipeSchema.parse({ kind: 'dynamic', name, reduceRange: fastTypesOf(family).reduceRange }),
    reason: `${found.join(', ')} with ${count} weights: needs no calibration`,
  };
}
