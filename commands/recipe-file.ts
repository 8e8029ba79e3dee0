/** A recipe from a file: the record that stands beside a variant, or a recipe alone. */
import { z } from 'zod';
import { readInput } from '../runtime/base/files.ts';
import { checkValue, parseJson } from '../runtime/base/json.ts';
import { type AnyRecipe, anyRecipeSchema } from '../runtime/quantize/auto/composed-recipe.ts';
import { fastTypesHere, fillTypes } from '../runtime/quantize/fast-types.ts';

const recordSchema = z.object({
  recipe: anyRecipeSchema,
  calibration: z.object({ samples: z.number().int().positive() }).nullish(),
});

/** With how many samples it was made, where a record says so: the same recipe gives the same bytes on the same samples. */
export type RecipeFile = { readonly recipe: AnyRecipe; readonly samples?: number };

/** What a recipe alone leaves open about integer types is what this processor wants. @throws FILE_NOT_FOUND; CONFIG_INVALID naming what is wrong where. */
export async function readRecipeFile(path: string): Promise<RecipeFile> {
  const text = new TextDecoder().decode(await readInput(path, 'recipe'));
  const about = { code: 'CONFIG_INVALID', what: path } as const;
  if (/"modelSha256"/.test(text)) {
    const { recipe, calibration } = parseJson(text, recordSchema, about);
    return { recipe, ...(calibration ? { samples: calibration.samples } : {}) };
  }
  const written = parseJson(text, z.looseObject({}), about);
  return { recipe: checkValue(fillTypes(written, fastTypesHere()), anyRecipeSchema, about) };
}
