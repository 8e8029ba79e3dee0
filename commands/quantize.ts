/** `octet quantize`: one recipe on one model, with a table of what ONNX Runtime really runs in int8. */
import { stat } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import pico from 'picocolors';
import { readManifest } from '../models/manifest.ts';
import { systemClock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { evenly, openSamples, type Samples, type SamplesOptions } from '../runtime/data/samples.ts';
import { modelInputs, prepareModel } from '../runtime/quantize/prepare.ts';
import { applyRecipe, observeFor } from '../runtime/quantize/quantize.ts';
import { observerNames, type Recipe, recipeSchema } from '../runtime/quantize/recipe.ts';
import { originOf, writeVariant } from '../runtime/quantize/variant-files.ts';
import { outcomeLines, sizeText } from './outcomes.ts';
import { progressLine } from './progress-line.ts';

type Options = {
  data: string[];
  output: string;
  recipe?: Recipe['kind'];
  observer: (typeof observerNames)[number];
  activation: 'uint8' | 'int8';
  perChannel: boolean;
  exclude: string[];
  samples: number;
  json?: boolean;
};

export function define(command: Command): void {
  command
    .argument('<model>', 'a float32 ONNX file, or a folder with a manifest')
    .option('--data <paths...>', 'calibration data: .npz, folders of .npy, recordings (with a model folder)', [])
    .requiredOption('-o, --output <file>', 'the int8 model; its recipe goes to <file without .onnx>.recipe.json')
    .addOption(
      new Option('--recipe <kind>', 'static needs --data (default: static with --data, dynamic without)').choices([
        'dynamic',
        'static',
      ]),
    )
    .addOption(
      new Option('--observer <name>', 'how ranges are taken from the data').choices(observerNames).default('min-max'),
    )
    .addOption(
      new Option('--activation <type>', 'type of activations; the default is the fast one of this processor')
        .choices(['uint8', 'int8'])
        .default(process.arch === 'arm64' ? 'int8' : 'uint8'),
    )
    .option('--no-per-channel', 'one scale for each weight instead of one for each of its output channels')
    .option('--exclude <nodes...>', 'nodes that stay float, by name; * stands for any text', [])
    .option('--samples <n>', 'at most so many samples, spread evenly over the data', countFrom, 1024)
    .option('--json', 'one JSON document on stdout')
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  const progress = progressLine(process.stderr, systemClock);
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort(new OctetError('CANCELLED', 'interrupted; nothing was written'));
  process.once('SIGINT', onInterrupt);
  try {
    const result = await quantizeFile(path, options, progress.show, interrupt.signal);
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
  const { modelPath, ...description } = await describeModel(path);
  const recipe = recipeFrom(options);
  const model = await prepareModel(modelPath);
  const samples = await samplesFor(recipe, options, { inputs: modelInputs(model), ...description });
  const observation = await observeFor(model, [recipe], samples, { onProgress, signal });
  const built = await applyRecipe(model, recipe, observation);
  if (!built.ok)
    throw new OctetError('MODEL_UNSUPPORTED', `${modelPath}: expected something to quantise, but ${built.reason}`, {
      hint: `octet inspect ${path} lists every node and why it stays float.`,
    });
  // From here on nothing is interrupted, so that both files are written or none.
  signal.throwIfAborted();
  const { bytes, outcomes } = built;
  const recipePath = `${options.output.replace(/\.onnx$/, '')}.recipe.json`;
  const record = await writeVariant(options.output, recipePath, bytes, await originOf(recipe, modelPath, samples));
  const { size } = await stat(modelPath);
  return { output: options.output, recipePath, ...record, sizeBytes: bytes.byteLength, floatBytes: size, outcomes };
}

/** A bare ONNX file, or what a manifest says about one. */
async function describeModel(path: string): Promise<{ modelPath: string } & Omit<SamplesOptions, 'inputs'>> {
  const isFolder = await stat(path).then(
    (info) => info.isDirectory(),
    // Loading says what is wrong with the path.
    () => false,
  );
  if (!isFolder) return { modelPath: path };
  const { modelPath, featuresPath, pipeline, task } = await readManifest(path);
  return { modelPath, pipeline, task, ...(featuresPath === undefined ? {} : { featuresPath }) };
}

function recipeFrom({ recipe, data, observer, activation, perChannel, exclude }: Options): Recipe {
  const kind = recipe ?? (data.length > 0 ? 'static' : 'dynamic');
  return recipeSchema.parse({ kind, perChannel, exclude, ...(kind === 'static' ? { observer, activation } : {}) });
}

async function samplesFor(recipe: Recipe, options: Options, about: SamplesOptions): Promise<Samples | undefined> {
  if (recipe.kind !== 'static') return undefined;
  if (options.data.length > 0) return evenly(await openSamples(options.data, about), options.samples);
  throw new OctetError('USAGE', '--data: expected calibration data for a static recipe, got none', {
    hint: 'Add --data DATA.npz, or use --recipe dynamic, which needs none.',
  });
}

function print(result: Result, { json }: Options): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const { output, recipePath, sizeBytes, floatBytes, outcomes } = result;
  const size = `${sizeText(floatBytes)} → ${sizeText(sizeBytes)} (${ratioText(floatBytes / sizeBytes)})`;
  const lines = [...outcomeLines(outcomes), '', `${pico.bold(output)}  ${size}`, pico.dim(`recipe: ${recipePath}`)];
  process.stdout.write(`${lines.join('\n')}\n`);
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
