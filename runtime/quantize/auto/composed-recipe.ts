/**
 * What `auto` found out, as a recipe that can be repeated without timing anything: which rewrites, and then one recipe after
 * the other, each on its own nodes of the same model (static for the convolutions, dynamic for the LSTM).
 */
import { z } from 'zod';
import { speedRewriteNames } from '../prepare/speed-rewrite-names.ts';
import { type QatRecipe, qatSchema, type Recipe, recipeSchema } from '../recipe.ts';

export const composedSchema = z.strictObject({
  kind: z.literal('composed'),
  name: z.string().min(1).default('auto'),
  /** Applied to the float model first. */
  rewrites: z.array(z.enum(speedRewriteNames)).default([]),
  /** Applied in order; a later one finds only what the earlier ones left float. None: the float model. */
  parts: z.array(recipeSchema).default([]),
  /** At most so many calibration samples, spread evenly over the part of the data that is not held out. */
  samples: z.number().int().positive().default(1024),
});

export type ComposedRecipe = z.output<typeof composedSchema>;

/** What a recipe file may hold: one recipe, several composed, or one with training before it. */
export const anyRecipeSchema = z.discriminatedUnion('kind', [composedSchema, recipeSchema, qatSchema]);

/** What the builder process builds; training stands above it. */
export type BuilderRecipe = ComposedRecipe | Recipe;

export type AnyRecipe = BuilderRecipe | QatRecipe;

/** Whether the recipe is the float model as it came, byte for byte. */
export function isUnchanged({ rewrites, parts }: ComposedRecipe): boolean {
  return rewrites.length === 0 && parts.length === 0;
}

/** The JSON Schema of a recipe file, for editors and other programs. */
export function recipeJsonSchema(): object {
  return z.toJSONSchema(anyRecipeSchema, { io: 'input' });
}
