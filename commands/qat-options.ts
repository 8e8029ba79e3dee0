/** The options of `octet quantize --recipe qat`, and the recipe that they say. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { OctetError } from '../runtime/base/errors.ts';
import { checkValue } from '../runtime/base/json.ts';
import type { FastTypes } from '../runtime/quantize/fast-types.ts';
import { type QatRecipe, qatSchema } from '../runtime/quantize/recipe.ts';
import { shareFrom } from './options.ts';

export type QatOptions = {
  steps?: number;
  layerSteps?: number;
  weightBits?: number;
  learningRate?: number;
  labelShare?: number;
  task?: 'classify' | 'regress';
};

/** Options → the recipe's settings. */
const settings = {
  steps: 'steps',
  layerSteps: 'reconstructionSteps',
  weightBits: 'weightBits',
  learningRate: 'learningRate',
  labelShare: 'labelShare',
  task: 'task',
} as const satisfies Record<keyof QatOptions, keyof QatRecipe>;

export function addQatOptions(command: Command): Command {
  return command
    .option('--steps <n>', 'qat: steps of the whole model towards the float model (300)', wholeFrom)
    .option('--layer-steps <n>', 'qat: steps of each layer alone before that (100)', wholeFrom)
    .option('--weight-bits <n>', 'qat: 8, 7, 6 or 4; fewer than 8 are stored in 8 all the same', wholeFrom)
    .option(
      '--learning-rate <x>',
      'qat: its peak; it falls along a cosine (0.001 with fewer than 7 bits, else 0.0001)',
      rateFrom,
    )
    .option('--label-share <share>', 'qat: share of the loss that labels get, where the data has them (0)', shareFrom)
    .addOption(
      new Option(
        '--task <task>',
        "qat: classify follows the float model's probabilities, regress its values (told from labels, Softmax, or the output's name)",
      ).choices(['classify', 'regress']),
    );
}

/** @throws USAGE for one of these with another recipe. */
export function refuseQatSettings(kind: string, options: QatOptions): void {
  const odd = (Object.keys(settings) as (keyof QatOptions)[]).find((name) => options[name] !== undefined);
  if (odd === undefined || kind === 'qat') return;
  const dashed = odd.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new OctetError('USAGE', `--${dashed}: expected recipe qat, got ${kind}`, {
    hint: 'Only training has steps: add --recipe qat.',
  });
}

type Given = QatOptions & {
  readonly activation?: string;
  readonly reduceRange?: boolean;
  readonly perChannel: boolean;
  readonly exclude: readonly string[];
};

/** What is left open about integers is the processor's wish. @throws USAGE */
export function qatRecipeFrom(given: Given, fast: FastTypes): QatRecipe {
  const { activation = fast.activation, reduceRange = fast.reduceRange, perChannel, exclude } = given;
  const said = Object.fromEntries(
    (Object.keys(settings) as (keyof QatOptions)[])
      .filter((name) => given[name] !== undefined)
      .map((name) => [settings[name], given[name]]),
  );
  const recipe = { kind: 'qat', activation, perChannel, exclude, weightBits: reduceRange ? 7 : 8, ...said };
  return checkValue(recipe, qatSchema, { code: 'USAGE', what: 'options' });
}

function wholeFrom(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a whole number');
}

/** `0.001` → 0.001. */
function rateFrom(text: string): number {
  const rate = Number(text);
  if (rate > 0 && rate <= 10) return rate;
  throw new InvalidArgumentError('expected a learning rate above 0, for example 0.001.');
}
