/**
 * Quantisation-aware training: find what will run in int8 and with which scales (as the static recipe does), simulate exactly that
 * in float, train weights, biases and scales towards the float model, and write the static recipe's graph with what was learned.
 */
import { type Clock, systemClock } from '../../base/clock.ts';
import { OctetError } from '../../base/errors.ts';
import type { Samples } from '../../data/samples.ts';
import type { Model } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { evenChannels } from '../../quantize/accuracy/improve.ts';
import type { Placement } from '../../quantize/place/place.ts';
import { type QatRecipe, type StaticRecipe, staticSchema } from '../../quantize/recipe.ts';
import { placeStatic, quantizeStatic } from '../../quantize/static.ts';
import type { Quantized } from '../../quantize/verify/settle.ts';
import { fineTune } from '../fine-tune.ts';
import type { Progress } from '../loop/train.ts';
import { findParameters, type Parameter } from '../step/parameters.ts';
import { withWeights } from '../with-weights.ts';
import { bitsFor } from './grid.ts';
import { observeStart } from './observe-start.ts';
import { type Learned, readScales } from './read-scales.ts';
import { reconstruct } from './reconstruct.ts';
import { type Simulation, type SimulationChoice, simulate } from './simulate.ts';

export type QatOptions = {
  /** What the first output is: `classify` follows probabilities, `regress` values. */
  readonly task: 'classify' | 'regress';
  readonly masks?: ReadonlyMap<string, Tensor<'float32'>>;
  readonly threads?: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** @param fraction of all steps, 0 to 1. */
  readonly onProgress?: (fraction: number, detail: string) => void;
};

export type QatResult = {
  /** The int8 graph, or why there is none. */
  readonly quantized: Quantized;
  /** The float graph that computes what the int8 graph computes; undefined when nothing would run in int8. */
  readonly simulated?: Model;
  /** Mean loss of the first and the last steps of each stage. */
  readonly losses?: { readonly first: number; readonly last: number };
};

type Values = ReadonlyMap<string, Tensor<'float32'>>;

/**
 * @param model prepared (quantize/prepare); it is the teacher. @param samples need no labels.
 * @throws MODEL_UNSUPPORTED naming operators without a gradient; DATA_*, TRAINING_DIVERGED, QUANT_RANGE; the signal's reason. Opens
 * sessions: a long-lived process leaves it to a child.
 */
export async function trainQuantised(
  model: Model,
  samples: Samples,
  recipe: QatRecipe,
  options: QatOptions,
): Promise<QatResult> {
  refuseNarrowActivations(recipe);
  const trained = await trainSimulation(model, samples, recipe, options);
  if ('reason' in trained) return { quantized: trained };
  const { learned, simulated, losses } = trained;
  const quantized = await quantizeStatic(learned.model, staticFrom(recipe), learned.ranges, learned.weightScales);
  return { quantized, simulated, ...(losses ? { losses } : {}) };
}

export type TrainedSimulation = {
  readonly learned: Learned;
  readonly simulated: Model;
  /** Absent when the whole model was not trained. */
  readonly losses?: { readonly first: number; readonly last: number };
};

/** The same without writing an int8 graph; activations may have fewer than 8 bits. */
export async function trainSimulation(
  model: Model,
  samples: Samples,
  recipe: QatRecipe,
  options: QatOptions,
): Promise<TrainedSimulation | Extract<Quantized, { ok: false }>> {
  const settings = staticFrom(recipe);
  const evens = recipe.equalize ?? !recipe.perChannel;
  const float = evens
    ? await evenChannels(model, { ...settings, equalize: true }, samples, streamOptions(options))
    : model;
  const ranges = await observeStart(float, samples, recipe, settings, options);
  const tried = await quantizeStatic(float, settings, ranges);
  if (!tried.ok) return tried;
  const placement = placeStatic(float.graph, settings, ranges, tried.takenBack);
  const choice: SimulationChoice = { scales: recipe.scales, bits: (node) => bitsFor(recipe, node) };
  const started = await reconstructed(float, samples, recipe, placement, choice, options);
  const simulation = simulate(float.graph, placement, choice);
  const student = withWeights({ ...float, graph: simulation.graph }, started);
  const followed = await follow(
    model,
    student,
    simulation,
    samples,
    recipe,
    parametersOf(float, simulation),
    placement,
    options,
  );
  const trained: Values = new Map([...started, ...(followed?.weights ?? [])]);
  return {
    learned: await readScales(float, simulation, trained),
    simulated: withWeights(student, trained),
    ...(followed ? { losses: { first: followed.firstLoss, last: followed.lastLoss } } : {}),
  };
}

function staticFrom({ activation, perChannel, exclude, overrides }: QatRecipe): StaticRecipe {
  const kept = overrides.map(({ weightBits: _, activationBits: __, ...settings }) => settings);
  return staticSchema.parse({ kind: 'static', activation, perChannel, exclude, overrides: kept });
}

function parametersOf(float: Model, { parameters }: Simulation): readonly Parameter[] {
  return [...findParameters(float.graph), ...parameters];
}

/** Where rounding costs little there is little to learn, and more to spoil. */
function rateOf({ learningRate, weightBits, activationBits, overrides }: QatRecipe): number {
  const bits = overrides.flatMap((each) => [each.weightBits ?? 8, each.activationBits ?? 8]);
  return learningRate ?? (Math.min(weightBits, activationBits, ...bits) < 7 ? 1e-3 : 1e-4);
}

/** Each layer alone first. Reconstruction may move faster than the whole: nothing that it spoils can spread. */
const reconstructionRate = 3;

async function reconstructed(
  float: Model,
  samples: Samples,
  recipe: QatRecipe,
  placement: Placement,
  choice: SimulationChoice,
  options: QatOptions,
): Promise<Values> {
  const { reconstructionSteps: steps, batchSize, seed } = recipe;
  if (steps === 0) return new Map();
  const cut = simulate(float.graph, placement, { ...choice, cutsLayers: true });
  return reconstruct(float, cut, placement.units, parametersOf(float, cut), samples, {
    // Inputs and targets of every layer are held at once, which is as much again as the activations.
    ...{ steps, seed, batchSize: Math.ceil(batchSize / 2) },
    schedule: { peak: rateOf(recipe) * reconstructionRate, shape: 'cosine' },
    clock: options.clock ?? systemClock,
    ...loopOptions(options),
    onProgress: stageProgress(options, recipe, 0, 'layers'),
  });
}

async function follow(
  teacher: Model,
  student: Model,
  { running }: Simulation,
  samples: Samples,
  recipe: QatRecipe,
  parameters: readonly Parameter[],
  { units }: Placement,
  options: QatOptions,
) {
  const { steps, batchSize, labelShare, temperature, featureWeight, seed } = recipe;
  if (steps === 0) return undefined;
  const last = units.findLast(({ weight }) => weight !== undefined)?.activations[0];
  return fineTune(student, samples, {
    ...{ steps, batchSize, labelShare, temperature, seed, teacher, parameters, running },
    task: options.task,
    learningRate: rateOf(recipe),
    ...(featureWeight > 0 && last ? { features: new Map([[last, featureWeight]]) } : {}),
    ...(options.masks ? { masks: options.masks } : {}),
    ...(options.clock ? { clock: options.clock } : {}),
    ...loopOptions(options),
    onProgress: stageProgress(options, recipe, recipe.reconstructionSteps, 'model'),
  });
}

function loopOptions({ threads, signal }: QatOptions) {
  return { ...(threads === undefined ? {} : { threads }), ...(signal ? { signal } : {}) };
}

function streamOptions({ signal }: QatOptions) {
  return signal ? { signal } : {};
}

function stageProgress(
  { onProgress }: QatOptions,
  { steps, reconstructionSteps }: QatRecipe,
  before: number,
  stage: string,
): (progress: Progress) => void {
  return ({ step, steps: own, loss }) =>
    onProgress?.(
      (before + step) / (steps + reconstructionSteps),
      `${stage} ${step} of ${own}, loss ${loss.toPrecision(3)}`,
    );
}

/** Kernels saturate at the ends of 8 bits only, so fewer levels would be trained for and not be there. */
function refuseNarrowActivations({ activationBits, overrides }: QatRecipe): void {
  const bits = [activationBits, ...overrides.flatMap((each) => each.activationBits ?? [])].find((each) => each < 8);
  if (bits === undefined) return;
  throw new OctetError('RECIPE_INVALID', `activationBits: expected 8 for a model that ONNX Runtime runs, got ${bits}`, {
    hint: 'Weights may have 4 or 6 bits (weightBits); activations of fewer bits can only be simulated.',
  });
}
