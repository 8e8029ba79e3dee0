/** The options of `octet prune`, and the recipe that they say. */
import { type Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { OctetError } from '../runtime/base/errors.ts';
import { readInput } from '../runtime/base/files.ts';
import { checkValue, parseJson } from '../runtime/base/json.ts';
import { costMeasures } from '../runtime/train/prune/cost.ts';
import { criteria, type PruneRecipe, pruneJsonSchema, pruneSchema } from '../runtime/train/prune/prune-recipe.ts';
import { countFrom, shareFrom, threadsFrom } from './options.ts';

export type PruneCommandOptions = {
  data: string[];
  output: string;
  recipe?: string;
  structured?: boolean;
  unstructured?: boolean;
  json?: boolean;
} & Partial<Omit<PruneRecipe, 'kind' | 'name' | 'form'>>;

/** Settings that mean something for whole channels only. */
const structuredOnly = ['of', 'multiple'] as const;

export function addPruneOptions(command: Command): Command {
  return command
    .argument('<model>', 'a float32 ONNX file, or a folder with a manifest')
    .requiredOption(
      '--data <paths...>',
      'what to tune on, seven samples in ten, and to judge by, the others: .npz, folders of .npy, recordings',
    )
    .requiredOption('-o, --output <file>', 'the pruned model; its recipe goes to <file without .onnx>.recipe.json')
    .option('--ratio <share>', 'the share that goes, above 0 and below 1', shareFrom)
    .option('--structured', 'whole channels: a smaller, faster dense model (default)')
    .option('--unstructured', 'single weights to zero: compresses better, as fast as before')
    .addOption(
      new Option('--of <what>', 'structured: what the ratio is a share of (multiply-adds)').choices(costMeasures),
    )
    .addOption(
      new Option('--scope <scope>', 'the same share of each layer, or the least important of all (layer)').choices([
        'global',
        'layer',
      ]),
    )
    .addOption(
      new Option('--criterion <name>', 'what makes a channel important (taylor; unstructured: l1, magnitude)').choices(
        criteria,
      ),
    )
    .option('--multiple <n>', 'structured: channels left are a multiple of it, as fast kernels like (8)', countFrom)
    .option('--rounds <n>', 'prune a part, tune, prune on (1)', countFrom)
    .option('--steps <n>', 'of fine-tuning in all; 0 for none (600)', stepsFrom)
    .option('--batch-size <n>', 'samples a step (64)', countFrom)
    .option('--learning-rate <rate>', 'the highest of a cosine schedule (0.002)', rateFrom)
    .option(
      '--label-share <share>',
      'of the loss, where there are labels; the float model gets the rest (0.5)',
      shareFrom,
    )
    .option('--samples <n>', 'at most so many samples to tune on, spread evenly over the data (100000)', countFrom)
    .option('--threads <n>', 'of training; the same number gives the same bytes (1)', threadsFrom)
    .option('--seed <n>', 'of the order of samples, and of the random criterion (1)', stepsFrom)
    .option('--exclude <layers...>', 'layers that stay whole, by name; * stands for any text')
    .option('--recipe <file>', 'a recipe file in place of all these options')
    .option('--recipe-schema', 'print the JSON Schema of recipe files, and nothing else')
    .on('option:recipe-schema', printSchema)
    .option('--json', 'one JSON document on stdout');
}

/** @throws USAGE; CONFIG_INVALID naming what is wrong in a recipe file. */
export async function pruneRecipeFrom(options: PruneCommandOptions): Promise<PruneRecipe> {
  const { data, output, json, recipe, structured, unstructured, ...settings } = options;
  if (structured && unstructured) throw new OctetError('USAGE', 'expected --structured or --unstructured, got both');
  if (recipe !== undefined) return recipeFromFile(recipe, { structured, unstructured, ...settings });
  if (settings.ratio === undefined || settings.ratio <= 0 || settings.ratio >= 1)
    throw new OctetError('USAGE', `--ratio: expected a share above 0 and below 1, got ${settings.ratio ?? 'none'}`, {
      hint: '--ratio 0.5 takes half of the multiply-adds (or, with --unstructured, of the weights) away.',
    });
  const form = unstructured ? 'unstructured' : 'structured';
  if (unstructured) refuseStructuredOnly(settings);
  return checkValue({ kind: 'prune', form, ...settings }, pruneSchema, {
    code: 'USAGE',
    what: 'options',
  });
}

function refuseStructuredOnly(settings: Partial<PruneRecipe>): void {
  const odd = structuredOnly.find((name) => settings[name] !== undefined);
  if (odd) throw new OctetError('USAGE', `--${odd}: expected --structured, got --unstructured`);
}

async function recipeFromFile(path: string, others: Readonly<Record<string, unknown>>): Promise<PruneRecipe> {
  const given = Object.keys(others).find((name) => others[name] !== undefined);
  if (given !== undefined)
    throw new OctetError('USAGE', `--${dashed(given)}: expected no setting beside --recipe, got one`, {
      hint: `Change it in ${path}.`,
    });
  const text = new TextDecoder().decode(await readInput(path, 'recipe'));
  const about = { code: 'CONFIG_INVALID', what: path } as const;
  if (/"modelSha256"/.test(text)) return parseJson(text, z.object({ recipe: pruneSchema }), about).recipe;
  return parseJson(text, pruneSchema, about);
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Ends the command, as `--help` does. */
function printSchema(): never {
  process.stdout.write(`${JSON.stringify(pruneJsonSchema(), null, 2)}\n`);
  throw new CommanderError(0, 'octet.recipeSchema', '');
}

function stepsFrom(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a whole number from 0');
}

function rateFrom(text: string): number {
  const rate = Number(text);
  if (rate > 0 && rate < 10) return rate;
  throw new InvalidArgumentError('expected a learning rate like 0.001');
}
