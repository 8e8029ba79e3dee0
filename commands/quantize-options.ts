/** The options of `octet quantize`, and the recipe that they say. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { OctetError } from '../runtime/base/errors.ts';
import { checkValue } from '../runtime/base/json.ts';
import { type FastTypes, fastTypesHere, fillTypes } from '../runtime/quantize/fast-types.ts';
import {
  observerNames,
  type QatRecipe,
  type Recipe,
  recipeSchema,
  type StaticRecipe,
} from '../runtime/quantize/recipe.ts';
import { countFrom, shareFrom } from './options.ts';
import { addQatOptions, type QatOptions, qatRecipeFrom, refuseQatSettings } from './qat-options.ts';
import { addFormOptions, type FormOptions, formSettings } from './recipe-options.ts';

export type QuantizeOptions = FormOptions &
  QatOptions & {
    data: string[];
    output: string;
    recipe?: string;
    observer: (typeof observerNames)[number];
    activation?: StaticRecipe['activation'];
    reduceRange?: boolean;
    perChannel: boolean;
    improve: (keyof typeof improvements)[];
    exclude: string[];
    samples?: number;
    maxDrop?: number;
    maxDisagreement?: number;
    searchTime: number;
    batch: number;
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

/** More samples hardly change a range. */
export const mostSamples = 1024;

export function addQuantizeOptions(command: Command): Command {
  return addQatOptions(addFormOptions(command))
    .argument('<model>', 'a float32 ONNX file, or a folder with a manifest')
    .option('--data <paths...>', 'calibration data: .npz, folders of .npy, recordings (with a model folder)', [])
    .requiredOption('-o, --output <file>', 'the int8 model; its recipe goes to <file without .onnx>.recipe.json')
    .addOption(
      new Option(
        '--recipe <kind>',
        'static, dynamic, weight-only, qat (static after training with rounding simulated), auto (the fastest that is right on this machine), or a recipe file; static, qat and auto need --data (default: static with --data, dynamic without)',
      ).argParser(recipeWord),
    )
    .addOption(
      new Option('--observer <name>', 'how ranges are taken from the data').choices(observerNames).default('min-max'),
    )
    .addOption(
      new Option('--activation <type>', 'type of activations; the default is the fast one of this processor')
        .choices(['uint8', 'int8', 'uint16', 'int16'])
        .default(undefined, fastTypesHere().activation),
    )
    .option('--reduce-range', `weights in 7 bits (${saturationText()})`)
    .option('--no-reduce-range', 'weights in 8 bits')
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
    .option(
      '--samples <n>',
      `at most so many samples, spread evenly over the data (default: ${mostSamples}, or what a recipe file was made with)`,
      countFrom,
    )
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
      '--batch <n>',
      'auto: windows in one call, where the model is called so; what is fastest differs',
      countFrom,
      1,
    )
    .option(
      '--report <file>',
      'one self-contained HTML page: error by layer, ranges, latency measured here; needs --data',
    )
    .option('--json', 'one JSON document on stdout');
}

/** @throws USAGE for options that do not go together, naming what is wrong. */
export function recipeFrom(options: QuantizeOptions): Recipe | QatRecipe {
  const { recipe, data, observer, perChannel, improve, exclude } = options;
  const kind = recipe ?? (data.length > 0 ? 'static' : 'dynamic');
  if (improve.length > 0 && kind !== 'static')
    throw new OctetError('USAGE', `--improve: expected a static recipe, got ${kind}`, {
      hint: 'Accuracy methods look at calibration data: add --data DATA, with --recipe static or none.',
    });
  const improved = Object.assign({}, ...improve.map((method) => improvements[method]));
  refuseQatSettings(kind, options);
  if (kind === 'qat') return qatRecipeFrom(options, fastTypesHere());
  const said = {
    kind,
    exclude,
    ...formSettings(kind, options),
    ...(kind === 'weight-only' ? {} : { perChannel }),
    ...(kind === 'static' ? { observer, ...improved } : {}),
    ...typeSettings(kind, options),
  };
  return checkValue(fillTypes(said, fastTypesHere()), recipeSchema, { code: 'USAGE', what: 'options' });
}

/** Integer types that were given; the others are the processor's. @throws USAGE for one that this kind of recipe does not have. */
function typeSettings(kind: string, { activation, reduceRange }: QuantizeOptions): object {
  if (kind === 'weight-only' && reduceRange !== undefined)
    throw new OctetError('USAGE', '--reduce-range: expected a static or dynamic recipe, got weight-only', {
      hint: 'Its weights are multiplied in float, where nothing saturates: leave the option out.',
    });
  return {
    ...(kind === 'static' && activation !== undefined ? { activation } : {}),
    ...(reduceRange === undefined ? {} : { reduceRange }),
  };
}

function saturationText(): string {
  return fastTypesHere().reduceRange
    ? 'the default here: this processor would saturate with 8'
    : 'for x86 processors without VNNI, which saturate with 8; not needed here';
}

/** What `auto` searches among has kernels, and 16 bits have none. @throws USAGE */
export function eightBitTypes({ activation: wanted, reduceRange }: QuantizeOptions): Omit<FastTypes, 'reason'> {
  const fast = fastTypesHere();
  const activation = wanted ?? fast.activation;
  if (activation === 'uint8' || activation === 'int8')
    return { activation, reduceRange: reduceRange ?? fast.reduceRange };
  throw new OctetError('USAGE', `--activation: expected uint8 or int8 for recipe auto, got ${activation}`, {
    hint: 'Add --recipe static to have 16 bits all the same.',
  });
}

/** @throws USAGE */
export function refuseNoData({ data }: Pick<QuantizeOptions, 'data'>, kind: string): void {
  if (data.length > 0) return;
  throw new OctetError('USAGE', `--data: expected calibration data for recipe ${kind}, got none`, {
    hint: 'Add --data DATA.npz, or use --recipe dynamic, which needs none.',
  });
}

const kinds = ['static', 'dynamic', 'weight-only', 'qat', 'auto'];

function recipeWord(text: string): string {
  if (kinds.includes(text) || text.endsWith('.json')) return text;
  throw new InvalidArgumentError(`expected ${kinds.join(', ')} or a .json file`);
}
