/** A recipe from a file: the record that stands beside a variant, or a recipe alone. */
import { z } from 'zod';
import { readInput } from '../runtime/base/files.ts';
import { parseJson } from '../runtime/base/json.ts';
import { type AnyRecipe, anyRecipeSchema } from '../runtime/quantize/auto/composed-recipe.ts';

const recordSchema = z.object({ recipe: anyRecipeSchema });

/** @throws FILE_NOT_FOUND; CONFIG_INVALID naming what is wrong where. */
export async function readRecipeFile(path: string): Promise<AnyRecipe> {
  const text = new TextDecoder().decode(await readInput(path, 'recipe'));
  const isRecord = /"modelSha256"/.test(text);
  const about = { code: 'CONFIG_INVALID', what: path } as const;
  return isRecord ? parseJson(text, recordSchema, about).recipe : parseJson(text, anyRecipeSchema, about);
}
