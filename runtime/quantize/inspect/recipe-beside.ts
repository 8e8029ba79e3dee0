/** What the file beside a quantised model says about how it was made. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type AnyRecipe, anyRecipeSchema } from '../auto/composed-recipe.ts';

/** Null where there is none that can be read: the model may come from another tool, the file may be anything. */
export async function recipeBeside(quantizedPath: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(`${quantizedPath.replace(/\.onnx$/, '')}.recipe.json`, 'utf8'));
  } catch {
    return null;
  }
}

const recordSchema = z.object({ recipe: anyRecipeSchema });

/** Whether the record's recipe changes channels between layers on purpose. */
export function rescalesChannels(record: unknown): boolean {
  const parsed = recordSchema.safeParse(record);
  return parsed.success && rescales(parsed.data.recipe);
}

function rescales(recipe: AnyRecipe): boolean {
  if (recipe.kind === 'composed') return recipe.parts.some(rescales);
  if (recipe.kind === 'qat') return recipe.equalize ?? !recipe.perChannel;
  return recipe.kind === 'static' && (recipe.equalize || recipe.absorbBias);
}
