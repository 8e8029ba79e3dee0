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

export type Excluded = { readonly name: string; readonly reason: string };

export type Candidates = {
  readonly included: readonly Candidate[];
  /** What was not even tried, and why. */
  readonly excluded: readonly Excluded[];
};

export type CandidateHardware = { readonly family: Int8Family };

/** Activations and weights of a static form. */
const forms = {
  u8s8: { activation: 'uint8', weight: 'int8' },
  s8s8: { activation: 'int8', weight: 'int8' },
  u8u8: { activation: 'uint8', weight: 'uint8' },
} as const;
type Form = keyof typeof forms;

type FamilyRow = {
  /** Beside the one that the kernels are made for: forms that may be as fast, or more exact, with the reason. */
  readonly others: Partial<Record<Form, string>>;
  /** Why the remaining form is left out. */
  readonly without: Partial<Record<Form, string>>;
  /** Below so many weights, finding ranges at run time costs more than the multiplication saves. */
  readonly fewestDynamicWeights: number;
};

const x86: FamilyRow = {
  others: {},
  without: { s8s8: 'ONNX Runtime turns signed activations into unsigned ones on x86: the same kernels' },
  fewestDynamicWeights: 4096,
};

const arm: FamilyRow = {
  others: {},
  without: { u8s8: 'the signed kernels do the same with fewer instructions' },
  fewestDynamicWeights: 4096,
};

/**
 * Without the dot product int8 takes 1.1 to 1.2 times fewer instructions than float32 instead of 3 (counted on emulated Cortex-A72 and
 * A76), and signed and unsigned forms differ by less than a tenth there: both are measured, and a dynamic form needs larger matrices.
 */
const families = {
  amx: x86,
  vnni: x86,
  avx2: {
    ...x86,
    others: { u8u8: 'without VNNI unsigned weights may keep their 8 bits' },
    fewestDynamicWeights: 16_384,
  },
  i8mm: arm,
  dotprod: arm,
  neon: {
    others: { u8s8: 'without the dot product the unsigned kernels may be as fast as the signed ones' },
    without: { u8u8: 'unsigned weights are the slowest form before the dot product' },
    fewestDynamicWeights: 65_536,
  },
  none: x86,
} as const satisfies Record<Int8Family, FamilyRow>;

/** Operators that static quantisation turns into integer kernels. */
const staticOperators = ['Conv', 'MatMul', 'Gemm'];
/** Operators whose dynamic form is worth its run-time ranges; the dynamic form of Conv is many times slower than float. */
const dynamicOperators = ['MatMul', 'Gemm', 'LSTM'];
/** Operators whose weights can be kept in a few bits and unpacked on the way. */
const weightOnlyOperators = ['MatMul', 'Gemm'];
/** A MiB of float32: less stays in the caches, and then nothing is gained by reading fewer bytes. */
const fewestPackedWeights = 262_144;

export function candidates(hardware: CandidateHardware, model: ModelSummary): Candidates {
  const proposals = [
    ...staticProposals(hardware, model),
    dynamicProposal(hardware, model),
    ...weightOnlyProposals(model),
  ];
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

type Proposal = Candidate | Excluded;

/** Of the form that the kernels are made for both ranges; of another one the simpler, which tells whether the form is faster. */
function staticProposals({ family }: CandidateHardware, { operators }: ModelSummary): Proposal[] {
  const { activation, reduceRange, reason } = fastTypesOf(family);
  const { others, without }: FamilyRow = families[family];
  const first: Form = activation === 'uint8' ? 'u8s8' : 's8s8';
  const found = staticOperators.filter((operator) => operators[operator]);
  if (found.length === 0)
    return [{ name: `static-${first}`, reason: `the model has no ${staticOperators.join(', ')} to run in int8` }];
  const proposal = (form: Form, why: string, observer: 'min-max' | 'mse', range: string): Candidate => {
    const name = `static-${form}-${observer}`;
    const types = { ...forms[form], reduceRange: reduceRange && form === first };
    const recipe = recipeSchema.parse({ kind: 'static', name, ...types, observer });
    return { name, recipe, reason: `${found.join(', ')}: ${why}; ${range}` };
  };
  return [
    proposal(first, reason, 'min-max', 'the whole observed range'),
    proposal(first, reason, 'mse', 'the range with the least squared error, which ignores rare outliers'),
    ...Object.entries(others).map(([form, why]) => proposal(form as Form, why, 'min-max', 'the whole observed range')),
    ...Object.entries(without).map(([form, why]) => ({ name: `static-${form}`, reason: why })),
  ];
}

function dynamicProposal({ family }: CandidateHardware, { operators, weights }: ModelSummary): Proposal {
  const name = 'dynamic';
  const { found, count } = weightsIn(weights, dynamicOperators);
  if (found.length === 0) {
    const convolutional = operators.Conv ? '; the dynamic form of Conv is many times slower than float' : '';
    return { name, reason: `the model has no ${dynamicOperators.join(', ')} with weights${convolutional}` };
  }
  const size = `${count.toLocaleString('en-US')} weights in ${found.join(', ')}`;
  if (count < families[family].fewestDynamicWeights)
    return { name, reason: `only ${size}: on this processor finding ranges at run time costs more than it saves` };
  const { reduceRange } = fastTypesOf(family);
  const recipe = recipeSchema.parse({ kind: 'dynamic', name, reduceRange });
  return { name, recipe, reason: `${size}: needs no calibration` };
}

function weightOnlyProposals({ weights }: ModelSummary): Proposal[] {
  const { found, count } = weightsIn(weights, weightOnlyOperators);
  const size = `${count.toLocaleString('en-US')} weights in ${found.join(', ') || weightOnlyOperators.join(', ')}`;
  if (count < fewestPackedWeights)
    return [
      { name: 'weight-only', reason: `only ${size}: they stay in the caches, and unpacking them would only cost` },
    ];
  return ([8, 4] as const).map((bits) => {
    const name = `weight-only-${bits}`;
    return {
      name,
      recipe: recipeSchema.parse({ kind: 'weight-only', name, bits }),
      reason: `${size}: fewer bytes to read for each inference`,
    };
  });
}

function weightsIn(weights: ModelSummary['weights'], wanted: readonly string[]) {
  const found = wanted.filter((operator) => weights[operator]);
  return { found, count: found.reduce((sum, operator) => sum + (weights[operator] ?? 0), 0) };
}
