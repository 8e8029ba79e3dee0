/** A variant on disk: the model, and beside it the recipe that gives the same bytes again. */
import { rm } from 'node:fs/promises';
import { sha256Of, sha256OfFile, writeFileAtomic } from '../base/files.ts';
import type { Samples } from '../data/samples.ts';
import { engineVersion } from '../engine/session.ts';
import type { AnyRecipe } from './auto/composed-recipe.ts';

/** What `OUT.recipe.json` says. */
export type RecipeRecord = {
  readonly recipe: AnyRecipe;
  /** SHA-256 of the float model. */
  readonly modelSha256: string;
  /** What the ranges were taken from; null for a recipe that needs no data. */
  readonly calibration: { readonly samples: number; readonly description: string } | null;
  /** `onnxruntime 1.30.0 x64`: another version or architecture may fuse otherwise. */
  readonly engine: string;
  readonly sha256: string;
};

/** What is known before the bytes are. @param samples undefined when the recipe read none. */
export async function originOf(
  recipe: AnyRecipe,
  modelPath: string,
  samples: Pick<Samples, 'count' | 'description'> | undefined,
): Promise<Omit<RecipeRecord, 'sha256'>> {
  const calibration = samples && { samples: samples.count, description: samples.description };
  return {
    recipe,
    modelSha256: await sha256OfFile(modelPath),
    calibration: (readsSamples(recipe) && calibration) || null,
    engine: `onnxruntime ${engineVersion} ${process.arch}`,
  };
}

/** Whether ranges are taken from data. */
export function readsSamples(recipe: AnyRecipe): boolean {
  return recipe.kind === 'composed'
    ? recipe.parts.some(readsSamples)
    : recipe.kind === 'static' || recipe.kind === 'qat';
}

/**
 * Writes both files or none: the recipe first, so that where a model is, its recipe is.
 * @throws DISK_FULL, WRITE_FAILED
 */
export async function writeVariant<Origin extends object>(
  path: string,
  recipePath: string,
  bytes: Uint8Array,
  origin: Origin,
): Promise<Origin & { readonly sha256: string }> {
  const record = { ...origin, sha256: sha256Of(bytes) };
  await writeFileAtomic(recipePath, `${JSON.stringify(record, null, 2)}\n`);
  try {
    await writeFileAtomic(path, bytes);
  } catch (error) {
    await rm(recipePath, { force: true });
    throw error;
  }
  return record;
}
