/** Quantising as a function of a program: a recipe, and data or ranges found before, to bytes or a file. */
import type { z } from 'zod';
import { OctetError } from '../../base/errors.ts';
import { sha256OfFile } from '../../base/files.ts';
import type { Samples } from '../../data/samples.ts';
import { asksForAccuracy } from '../accuracy/asks.ts';
import { fastTypesHere, fillTypes } from '../fast-types.ts';
import type { CustomObserver, Observation } from '../observe.ts';
import { modelInputs, prepareModel } from '../prepare/prepare.ts';
import { buildVariant, type QuantizeOptions, quantize as quantizeWith } from '../quantize.ts';
import { type Recipe, recipeSchema } from '../recipe.ts';
import { originOf, writeVariant } from '../variant-files.ts';
import type { Quantized } from '../verify/settle.ts';
import { type Calibration, calibrationSchema } from './calibrate.ts';
import { type DataSource, samplesFrom } from './data-source.ts';

export type QuantizeModelOptions = {
  /** What `octet quantize --recipe file.json` takes; everything but `kind` has a default, integer types those
   * that this processor is fast with. Default: static int8. */
  readonly recipe?: z.input<typeof recipeSchema>;
  /** Calibration data; a static recipe needs this or `calibration`. */
  readonly data?: DataSource;
  /** Ranges from `calibrate`, perhaps changed by hand or read from a file. */
  readonly calibration?: Calibration;
  /** At most so many samples, spread evenly over the data. Default: all. */
  readonly samples?: number;
  /** Writes the model here and its recipe beside it; without it nothing is written. */
  readonly output?: string;
} & QuantizeOptions;

/** The usual outcome, or `{ ok: false, reason }` when nothing of the model would run in int8; then nothing is written. */
export type QuantizedModel = Quantized & { readonly recipe: Recipe };

/**
 * Makes a quantised variant of a float32 model and reads back what ONNX Runtime really runs in int8.
 *
 * ```ts
 * const result = await quantize('model.onnx', { data: 'calibration.npz', output: 'int8.onnx' });
 * if (result.ok) for (const { node, kernel, reason } of result.outcomes) console.log(node, kernel ?? reason);
 * ```
 *
 * @param model path of a float32 ONNX model.
 * @returns the bytes, what became of each node, and the recipe with its defaults filled in.
 * @throws FILE_*, MODEL_INVALID, MODEL_UNSUPPORTED; RECIPE_INVALID; USAGE when a static recipe has neither data nor
 * calibration, or one with accuracy methods has no data; DATA_INVALID, DATA_MISMATCH (also for a calibration of another model); DISK_FULL, WRITE_FAILED; the signal's
 * reason. Opens sessions: a long-lived process leaves it to a child.
 */
export async function quantize(
  model: string,
  { recipe: wanted, data, calibration, samples: most, output, ...options }: QuantizeModelOptions = {},
): Promise<QuantizedModel> {
  const recipe = recipeFrom(wanted);
  const samples =
    data === undefined ? undefined : await samplesFrom(data, modelInputs(await prepareModel(model)), most);
  if (recipe.kind === 'static' && !samples && !calibration) throw noData('data or a calibration for a static recipe');
  if (asksForAccuracy(recipe) && !samples) throw noData('data for a recipe with accuracy methods');
  const result =
    calibration && recipe.kind === 'static'
      ? await quantizeFrom(calibration, model, recipe, samples, options)
      : await quantizeWith(model, samples, recipe, options);
  options.signal?.throwIfAborted();
  if (result.ok && output !== undefined)
    await write(model, output, recipe, result.bytes, calibration ?? rangesOf(samples, options.observer));
  return { ...result, recipe };
}

/** Accuracy methods look at the samples; those that change ranges (equalize, absorbBias) take them from there, too. */
async function quantizeFrom(
  calibration: Calibration,
  path: string,
  recipe: Extract<Recipe, { kind: 'static' }>,
  samples: Samples | undefined,
  options: QuantizeOptions,
): Promise<Quantized> {
  const observation = await observationFrom(calibration, path, recipe);
  return buildVariant(await prepareModel(path), recipe, samples, observation, options);
}

function recipeFrom(wanted: QuantizeModelOptions['recipe'] = { kind: 'static' }): Recipe {
  const parsed = recipeSchema.safeParse(fillTypes(wanted, fastTypesHere()));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'recipe'}: ${message}`);
  throw new OctetError('RECIPE_INVALID', problems.join('; '), {
    hint: 'docs/quantise-a-model.md lists every setting.',
  });
}

/** The calibration's ranges answer for every observer that the recipe names. */
async function observationFrom(
  calibration: Calibration,
  model: string,
  recipe: Extract<Recipe, { kind: 'static' }>,
): Promise<Observation> {
  const { modelSha256, ranges } = calibrationSchema.parse(calibration);
  const digest = await sha256OfFile(model);
  if (digest !== modelSha256)
    throw new OctetError(
      'DATA_MISMATCH',
      `calibration: expected one of ${model} (${digest.slice(0, 12)}…), got one of a model ${modelSha256.slice(0, 12)}…`,
      { hint: 'Calibrate again on this model: await calibrate(model, data).' },
    );
  const byTensor = new Map(Object.entries(ranges));
  const names = [recipe.observer, ...recipe.overrides.flatMap(({ observer }) => observer ?? [])];
  return new Map(names.map((name) => [name, byTensor]));
}

type RangesFrom = { readonly samples: number; readonly description: string; readonly observer?: string };

function rangesOf(samples: Samples | undefined, observer: CustomObserver | undefined): RangesFrom | undefined {
  return (
    samples && {
      samples: samples.count,
      description: samples.description,
      ...(observer ? { observer: observer.name } : {}),
    }
  );
}

/** A recipe cannot name ranges that a program brought, so its record says in words that they were. */
async function write(
  model: string,
  output: string,
  recipe: Recipe,
  bytes: Uint8Array,
  ranges: RangesFrom | undefined,
): Promise<void> {
  const recipePath = `${output.replace(/\.onnx$/, '')}.recipe.json`;
  const own = ranges?.observer === undefined ? '' : `, ranges brought by the program (observer ${ranges.observer})`;
  const from = ranges && { count: ranges.samples, description: ranges.description + own };
  await writeVariant(output, recipePath, bytes, await originOf(recipe, model, from));
}

function noData(wanted: string): OctetError {
  return new OctetError('USAGE', `quantize: expected ${wanted}, got none`, {
    hint: "Pass { data: 'calibration.npz' }, or { recipe: { kind: 'dynamic' } }, which needs none.",
  });
}
