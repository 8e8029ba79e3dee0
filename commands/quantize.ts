/** `octet quantize`: one recipe on one model, with a table of what ONNX Runtime really runs in int8. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import pico from 'picocolors';
import { systemClock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { checkValue } from '../runtime/base/json.ts';
import { openSamples } from '../runtime/data/open-samples.ts';
import { evenly, type Samples, type SamplesOptions } from '../runtime/data/samples.ts';
import type { Model } from '../runtime/graph/model.ts';
import type { AnyRecipe, ComposedRecipe } from '../runtime/quantize/auto/composed-recipe.ts';
import { calibrationOf, repeatComposed } from '../runtime/quantize/auto/repeat.ts';
import { allNodes } from '../runtime/quantize/bodies/map-graphs.ts';
import { modelInputs, prepareModel } from '../runtime/quantize/prepare/prepare.ts';
import { buildVariant, observeFor } from '../runtime/quantize/quantize.ts';
import {
  matchesName,
  observerNames,
  type Recipe,
  recipeSchema,
  type StaticRecipe,
} from '../runtime/quantize/recipe.ts';
import { originOf, readsSamples, writeVariant } from '../runtime/quantize/variant-files.ts';
import { bytesText } from '../runtime/select/figures.ts';
import { readModelArgument } from './model-argument.ts';
import { outcomeLines } from './outcomes.ts';
import { progressLine } from './progress-line.ts';
import { autoLines, autoOn } from './quantize-auto.ts';
import { refuseReportWithoutData, writeReport } from './quantize-report.ts';
import { readRecipeFile } from './recipe-file.ts';
import { addFormOptions, type FormOptions, formSettings } from './recipe-options.ts';

type Options = FormOptions & {
  data: string[];
  output: string;
  recipe?: string;
  observer: (typeof observerNames)[number];
  activation: StaticRecipe['activation'];
  perChannel: boolean;
  improve: (keyof typeof improvements)[];
  exclude: string[];
  samples: number;
  maxDrop?: number;
  maxDisagreement?: number;
  searchTime: number;
  report?: string;
  json?: boolean;
};

/** The recipe's settings by the words of `--improve`. */
const improvements = {
  equalize: { equalize: true },
  'absorb-bias': { absorbBias: true },
  'mse-weights': { weightRange: 'mse' },
  reconstruct: { rounding: 'reconstruct' },
  'correct-bias': { biasCorrection: true },
} as const satisfies Record<string, Partial<StaticRecipe>>;

export function define(command: Command): void {
  addFormOptions(command)
    .argument('<model>', 'a float32 ONNX file, or a folder with a manifest')
    .option('--data <paths...>', 'calibration data: .npz, folders of .npy, recordings (with a model folder)', [])
    .requiredOption('-o, --output <file>', 'the int8 model; its recipe goes to <file without .onnx>.recipe.json')
    .addOption(
      new Option(
        '--recipe <kind>',
        'static, dynamic, weight-only, auto (the fastest that is right on this machine), or a recipe file; static and auto need --data (default: static with --data, dynamic without)',
      ).argParser(recipeWord),
    )
    .addOption(
      new Option('--observer <name>', 'how ranges are taken from the data').choices(observerNames).default('min-max'),
    )
    .addOption(
      new Option('--activation <type>', 'type of activations; the default is the fast one of this processor')
        .choices(['uint8', 'int8', 'uint16', 'int16'])
        .default(process.arch === 'arm64' ? 'int8' : 'uint8'),
    )
    .option('--no-per-channel', 'one scale for each weight instead of one for each of its output channels')
    .addOption(
      new Option(
        '--improve <methods...>',
        'static: what is done for accuracy first; none of it costs time when running',
      )
        .choices(Object.keys(improvements))
        .default([]),
    )
    .option('--exclude <nodes...>', 'nodes that stay float, by name; * stands for any text', [])
    .option('--samples <n>', 'at most so many samples, spread evenly over the data', countFrom, 1024)
    .option(
      '--max-drop <share>',
      'auto: largest tolerated net loss of correct decisions, with labels (0.01)',
      shareFrom,
    )
    .option(
      '--max-disagreement <share>',
      'auto: largest tolerated share of changed decisions, without (0.02)',
      shareFrom,
    )
    .option('--search-time <seconds>', 'auto: how long to search', countFrom, 60)
    .option(
      '--report <file>',
      'one self-contained HTML page: error by layer, ranges, latency measured here; needs --data',
    )
    .option('--json', 'one JSON document on stdout')
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  const progress = progressLine(process.stderr, systemClock);
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort(new OctetError('CANCELLED', 'interrupted; nothing was written'));
  process.once('SIGINT', onInterrupt);
  try {
    refuseReportWithoutData(options);
    const result = await quantizeFile(path, options, progress.show, interrupt.signal);
    // The model is written: from here on an interrupt ends the command and takes nothing back.
    process.removeListener('SIGINT', onInterrupt);
    await writeReport(await readModelArgument(path), options, progress.show);
    progress.end();
    print(result, options);
  } finally {
    progress.end();
    process.removeListener('SIGINT', onInterrupt);
  }
}

type Result = Awaited<ReturnType<typeof quantizeFile>>;

async function quantizeFile(
  path: string,
  options: Options,
  onProgress: (fraction: number, detail: string) => void,
  signal: AbortSignal,
) {
  const argument = await readModelArgument(path);
  const { modelPath } = argument;
  refuseOverwriting(modelPath, options.output);
  const open = async () =>
    openSamples(options.data, { ...argument, inputs: modelInputs(await prepareModel(modelPath)) });
  const write = (recipe: AnyRecipe, bytes: Uint8Array, samples: Samples | undefined) =>
    writeResult(modelPath, options.output, recipe, bytes, samples);
  if (options.recipe === 'auto') {
    refuseNoData(options, 'auto');
    const samples = await open();
    const result = await autoOn(argument, samples, { ...options, activation: eightBits(options), onProgress, signal });
    signal.throwIfAborted();
    const used = calibrationOf(samples, result.recipe);
    const { bytes, recipe: _, ...report } = result;
    return { ...(await write(result.recipe, bytes, used)), outcomes: result.outcomes, auto: { ...report } };
  }
  const recipe = options.recipe?.endsWith('.json') ? await readRecipeFile(options.recipe) : recipeFrom(options);
  if (recipe.kind === 'composed') {
    if (readsSamples(recipe)) refuseNoData(options, 'static');
    const samples = readsSamples(recipe) ? await open() : undefined;
    const { bytes, outcomes } = await repeatComposed(modelPath, samples, recipe, { onProgress, signal });
    signal.throwIfAborted();
    return { ...(await write(recipe, bytes, samples && calibrationOf(samples, recipe))), outcomes };
  }
  const model = await prepareModel(modelPath);
  refuseUnknownNodes(recipe, model);
  const samples = await samplesFor(recipe, options, { ...argument, inputs: modelInputs(model) });
  const observation = await observeFor(model, [recipe], samples, { onProgress, signal });
  const built = await buildVariant(model, recipe, samples, observation, { onProgress, signal });
  if (!built.ok) throw nothingToDo(path, built.reason);
  // From here on nothing is interrupted, so that both files are written or none.
  signal.throwIfAborted();
  const { bytes, outcomes } = built;
  return { ...(await write(recipe, bytes, samples)), outcomes };
}

async function writeResult(
  modelPath: string,
  output: string,
  recipe: AnyRecipe,
  bytes: Uint8Array,
  samples: Samples | undefined,
) {
  const recipePath = `${output.replace(/\.onnx$/, '')}.recipe.json`;
  const record = await writeVariant(output, recipePath, bytes, await originOf(recipe, modelPath, samples));
  const { size } = await stat(modelPath);
  return { output, recipePath, ...record, sizeBytes: bytes.byteLength, floatBytes: size };
}

function refuseNoData({ data }: Options, kind: string): void {
  if (data.length > 0) return;
  throw new OctetError('USAGE', `--data: expected calibration data for recipe ${kind}, got none`, {
    hint: 'Add --data DATA.npz, or use --recipe dynamic, which needs none.',
  });
}

function refuseOverwriting(modelPath: string, output: string): void {
  if (resolve(modelPath) !== resolve(output)) return;
  throw new OctetError('USAGE', `--output: expected another file than the model, got ${output} for both`, {
    hint: 'The float model is needed to quantise again; write the int8 one beside it.',
  });
}

/** A pattern that matches nothing is a spelling mistake. */
function refuseUnknownNodes({ exclude, overrides }: Recipe, { graph }: Model): void {
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

/** What `auto` searches among has kernels, and 16 bits have none. */
function eightBits({ activation }: Options): 'uint8' | 'int8' {
  if (activation === 'uint8' || activation === 'int8') return activation;
  throw new OctetError('USAGE', `--activation: expected uint8 or int8 for recipe auto, got ${activation}`, {
    hint: 'Add --recipe static to have 16 bits all the same.',
  });
}

function recipeFrom(options: Options): Recipe {
  const { recipe, data, observer, activation, perChannel, improve, exclude } = options;
  const kind = recipe ?? (data.length > 0 ? 'static' : 'dynamic');
  if (improve.length > 0 && kind !== 'static')
    throw new OctetError('USAGE', `--improve: expected a static recipe, got ${kind}`, {
      hint: 'Accuracy methods look at calibration data: add --data DATA, with --recipe static or none.',
    });
  const improved = Object.assign({}, ...improve.map((method) => improvements[method]));
  const said = {
    kind,
    exclude,
    ...formSettings(kind, options),
    ...(kind === 'weight-only' ? {} : { perChannel }),
    ...(kind === 'static' ? { observer, activation, ...improved } : {}),
  };
  return checkValue(said, recipeSchema, { code: 'USAGE', what: 'options' });
}

async function samplesFor(recipe: Recipe, options: Options, about: SamplesOptions): Promise<Samples | undefined> {
  if (recipe.kind !== 'static') return undefined;
  refuseNoData(options, 'static');
  return evenly(await openSamples(options.data, about), options.samples);
}

function print(result: Result, { json }: Options): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  if ('auto' in result && result.auto) {
    const lines = autoLines(
      { ...result.auto, bytes: new Uint8Array(), recipe: result.recipe as ComposedRecipe },
      result,
    );
    process.stdout.write(
      `${[...lines, '', pico.bold(result.output), pico.dim(`recipe: ${result.recipePath}`)].join('\n')}\n`,
    );
    return;
  }
  const { output, recipePath, sizeBytes, floatBytes, outcomes } = result;
  const size = `${bytesText(floatBytes)} → ${bytesText(sizeBytes)} (${ratioText(floatBytes / sizeBytes)})`;
  const lines = [...outcomeLines(outcomes), '', `${pico.bold(output)}  ${size}`, pico.dim(`recipe: ${recipePath}`)];
  process.stdout.write(`${lines.join('\n')}\n`);
}

const kinds = ['static', 'dynamic', 'weight-only', 'auto'];

function recipeWord(text: string): string {
  if (kinds.includes(text) || text.endsWith('.json')) return text;
  throw new InvalidArgumentError(`expected ${kinds.join(', ')} or a .json file`);
}

function shareFrom(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('expected a share from 0 to 1');
}

/** A small model can grow: scales and zero points take room, too. */
function ratioText(ratio: number): string {
  return ratio >= 1 ? `${ratio.toFixed(1)} times smaller` : `${(1 / ratio).toFixed(1)} times larger`;
}

function countFrom(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('expected a whole number above 0');
}
