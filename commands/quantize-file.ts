/**
 * What `octet quantize` does: a model file → a quantised one with its recipe beside it. The kind of recipe says which way, and only the
 * code of that way is loaded.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { OctetError } from '../runtime/base/errors.ts';
import { openSamples } from '../runtime/data/open-samples.ts';
import { evenly, type Samples } from '../runtime/data/samples.ts';
import type { Model } from '../runtime/graph/model.ts';
import type { AnyRecipe, ComposedRecipe } from '../runtime/quantize/auto/composed-recipe.ts';
import { allNodes } from '../runtime/quantize/bodies/map-graphs.ts';
import type { NodeOutcome } from '../runtime/quantize/messages.ts';
import { modelInputs, prepareModel } from '../runtime/quantize/prepare/prepare.ts';
import { buildVariant, observeFor } from '../runtime/quantize/quantize.ts';
import { matchesName, type QatRecipe, type Recipe } from '../runtime/quantize/recipe.ts';
import { originOf, type RecipeRecord, readsSamples, writeVariant } from '../runtime/quantize/variant-files.ts';
import { type ModelArgument, readModelArgument } from './model-argument.ts';
import { type AutoReport, autoOn } from './quantize-auto.ts';
import { eightBitTypes, mostSamples, type QuantizeOptions, recipeFrom, refuseNoData } from './quantize-options.ts';
import type { TrainingReport } from './quantize-qat.ts';

export type QuantizeResult = RecipeRecord & {
  readonly output: string;
  readonly recipePath: string;
  readonly sizeBytes: number;
  readonly floatBytes: number;
  readonly outcomes: readonly NodeOutcome[];
  /** What `auto` found out on the way. */
  readonly auto?: AutoReport;
  /** What training did. */
  readonly training?: TrainingReport;
};

/** One run of the command. */
type Job = {
  /** The model as the user wrote it. */
  readonly path: string;
  readonly argument: ModelArgument;
  readonly options: QuantizeOptions;
  readonly running: Running;
};

type Running = {
  readonly onProgress: (fraction: number, detail: string) => void;
  readonly signal: AbortSignal;
};

type Made = {
  readonly recipe: AnyRecipe;
  readonly bytes: Uint8Array;
  /** What ranges were taken from. */
  readonly samples: Samples | undefined;
  readonly outcomes: readonly NodeOutcome[];
  readonly auto?: AutoReport;
  readonly training?: TrainingReport;
};

/** @throws USAGE, what reading and quantising throw, and the signal's reason; then neither file is written. */
export async function quantizeFile(path: string, options: QuantizeOptions, running: Running): Promise<QuantizeResult> {
  const argument = await readModelArgument(path);
  refuseOverwriting(argument.modelPath, options.output);
  const { outcomes, auto, training, ...made } = await make({ path, argument, options, running });
  // From here on nothing is interrupted, so that both files are written or none.
  running.signal.throwIfAborted();
  const written = await write(made, argument.modelPath, options.output);
  return { ...written, outcomes, ...(auto ? { auto } : {}), ...(training ? { training } : {}) };
}

async function make(job: Job): Promise<Made> {
  const { recipe: word } = job.options;
  if (word === 'auto') return findBest(job);
  const { recipe, samples = undefined } = word?.endsWith('.json')
    ? await (await import('./recipe-file.ts')).readRecipeFile(word)
    : { recipe: recipeFrom(job.options) };
  if (recipe.kind === 'qat') return train(job, recipe, samples);
  return recipe.kind === 'composed' ? repeat(job, recipe) : build(job, recipe, samples);
}

async function findBest({ argument, options, running }: Job): Promise<Made> {
  refuseNoData(options, 'auto');
  const samples = await samplesFor(await prepareModel(argument.modelPath), argument, options);
  const result = await autoOn(argument, options.data, { ...options, ...eightBitTypes(options), ...running });
  const { calibrationOf } = await import('../runtime/quantize/auto/repeat.ts');
  const { bytes, recipe, ...auto } = result;
  return { recipe, bytes, samples: calibrationOf(samples, recipe), outcomes: auto.outcomes, auto };
}

async function repeat({ argument, options, running }: Job, recipe: ComposedRecipe): Promise<Made> {
  const { modelPath } = argument;
  const needsData = readsSamples(recipe);
  if (needsData) refuseNoData(options, 'static');
  const samples = needsData ? await samplesFor(await prepareModel(modelPath), argument, options) : undefined;
  const { calibrationOf, repeatComposed } = await import('../runtime/quantize/auto/repeat.ts');
  const { bytes, outcomes } = await repeatComposed(modelPath, samples, recipe, running);
  return { recipe, bytes, samples: samples && calibrationOf(samples, recipe), outcomes };
}

/** @param recorded how many samples the recipe was first made with. */
async function build(
  { path, argument, options, running }: Job,
  recipe: Recipe,
  recorded: number | undefined,
): Promise<Made> {
  const model = await prepareModel(argument.modelPath);
  refuseUnknownNodes(recipe, model);
  const needsData = readsSamples(recipe);
  if (needsData) refuseNoData(options, 'static');
  const samples = needsData
    ? evenly(await samplesFor(model, argument, options), options.samples ?? recorded ?? mostSamples)
    : undefined;
  const observation = await observeFor(model, [recipe], samples, running);
  const built = await buildVariant(model, recipe, samples, observation, running);
  if (!built.ok) throw nothingToDo(path, built.reason);
  return { recipe, bytes: built.bytes, samples, outcomes: built.outcomes };
}

/** @param recorded likewise. */
async function train(
  { path, argument, options, running }: Job,
  wanted: QatRecipe,
  recorded: number | undefined,
): Promise<Made> {
  refuseNoData(options, 'qat');
  const model = await prepareModel(argument.modelPath);
  refuseUnknownNodes(wanted, model);
  const samples = evenly(await samplesFor(model, argument, options), options.samples ?? recorded ?? mostSamples);
  const { trainOn } = await import('./quantize-qat.ts');
  const { recipe, quantized, training } = await trainOn(model, samples, wanted, argument.task, running);
  if (!quantized.ok) throw nothingToDo(path, quantized.reason);
  return { recipe, bytes: quantized.bytes, samples, outcomes: quantized.outcomes, training };
}

function samplesFor(prepared: Model, argument: ModelArgument, { data }: QuantizeOptions): Promise<Samples> {
  return openSamples(data, { ...argument, inputs: modelInputs(prepared) });
}

async function write(
  { recipe, bytes, samples }: Pick<Made, 'recipe' | 'bytes' | 'samples'>,
  modelPath: string,
  output: string,
): Promise<Omit<QuantizeResult, 'outcomes'>> {
  const recipePath = `${output.replace(/\.onnx$/, '')}.recipe.json`;
  const record = await writeVariant(output, recipePath, bytes, await originOf(recipe, modelPath, samples));
  const { size } = await stat(modelPath);
  return { output, recipePath, ...record, sizeBytes: bytes.byteLength, floatBytes: size };
}

function refuseOverwriting(modelPath: string, output: string): void {
  if (resolve(modelPath) !== resolve(output)) return;
  throw new OctetError('USAGE', `--output: expected another file than the model, got ${output} for both`, {
    hint: 'The float model is needed to quantise again; write the int8 one beside it.',
  });
}

/** A pattern that matches nothing is a spelling mistake. */
function refuseUnknownNodes(
  { exclude, overrides }: Pick<Recipe | QatRecipe, 'exclude' | 'overrides'>,
  { graph }: Model,
): void {
  const names = allNodes(graph).map(({ name }) => name);
  const patterns = [...exclude, ...overrides.map(({ nodes }) => nodes)];
  const unknown = patterns.filter((pattern) => !names.some((name) => matchesName(pattern, name)));
  if (unknown.length === 0) return;
  const option = exclude.includes(unknown[0]!) ? '--exclude' : 'overrides';
  throw new OctetError('USAGE', `${option}: expected names of nodes, got ${unknown.join(', ')}`, {
    hint: `After folding, the nodes are ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`,
  });
}

function nothingToDo(path: string, reason: string): OctetError {
  return new OctetError('MODEL_UNSUPPORTED', `${path}: expected something to quantise, but ${reason}`, {
    hint: `octet inspect ${path} lists every node and why it stays float.`,
  });
}
