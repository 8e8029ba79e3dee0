/** The options of `octet quantize` that say which form a recipe has, and the schema of recipe files. */
import { type Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { OctetError } from '../runtime/base/errors.ts';
import { recipeJsonSchema } from '../runtime/quantize/auto/composed-recipe.ts';
import type { StaticRecipe, WeightOnlyRecipe } from '../runtime/quantize/recipe.ts';

export type FormOptions = {
  format?: StaticRecipe['format'];
  target?: StaticRecipe['target'];
  weight?: StaticRecipe['weight'];
  symmetric?: boolean;
  bits?: WeightOnlyRecipe['bits'];
  blockSize?: WeightOnlyRecipe['blockSize'];
  accuracyLevel?: WeightOnlyRecipe['accuracyLevel'];
};

/** Which kind of recipe has which of these settings. */
const settings = {
  static: ['format', 'target', 'weight', 'symmetric'],
  'weight-only': ['bits', 'blockSize', 'accuracyLevel', 'symmetric'],
} as const satisfies Record<string, readonly (keyof FormOptions)[]>;

export function addFormOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--format <form>',
        'static: pairs that the runtime fuses, or the integer operators themselves',
      ).choices(['qdq', 'qoperator']),
    )
    .addOption(
      new Option('--target <target>', "static: tensorrt writes the form for a Jetson's GPU").choices([
        'cpu',
        'tensorrt',
      ]),
    )
    .addOption(new Option('--weight <type>', 'static: type of weights').choices(['int8', 'uint8']))
    .option('--symmetric', 'static, weight-only: zero points in the middle')
    .option('--bits <n>', 'weight-only: 2, 4 or 8 bits for each weight of a matrix', numberFrom)
    .option('--block-size <n>', 'weight-only: weights that share a scale, 16 to 256', numberFrom)
    .option(
      '--accuracy-level <n>',
      'weight-only: 4 computes products in int8, 0 in float32, several times slower',
      numberFrom,
    )
    .option('--recipe-schema', 'print the JSON Schema of recipe files, and nothing else')
    .on('option:recipe-schema', printSchema);
}

/** The settings that were given. @throws USAGE for one that this kind of recipe does not have. */
export function formSettings(kind: string, options: FormOptions): object {
  const fitting: readonly string[] = kind === 'static' || kind === 'weight-only' ? settings[kind] : [];
  const all = [...new Set(Object.values(settings).flat())];
  const given = all.filter((name) => options[name] !== undefined);
  const odd = given.find((name) => !fitting.includes(name));
  if (odd === undefined) return Object.fromEntries(given.map((name) => [name, options[name]]));
  const dashed = odd.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new OctetError('USAGE', `--${dashed}: expected a recipe that has this setting, got ${kind}`, {
    hint: 'octet quantize --help names the kind of recipe that each option belongs to.',
  });
}

/** Ends the command, as `--help` does. */
function printSchema(): never {
  process.stdout.write(`${JSON.stringify(recipeJsonSchema(), null, 2)}\n`);
  throw new CommanderError(0, 'octet.recipeSchema', '');
}

function numberFrom(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a whole number');
}
