/** A pruned model on disk, and beside it the recipe that gives the same bytes again. */
import { resolve } from 'node:path';
import { OctetError } from '../../base/errors.ts';
import { sha256OfFile } from '../../base/files.ts';
import type { Samples } from '../../data/samples.ts';
import { engineVersion } from '../../engine/session.ts';
import { writeVariant } from '../../quantize/variant-files.ts';
import type { PruneRecipe } from './prune-recipe.ts';

/** What `OUT.recipe.json` says. */
export type PruneRecord = {
  readonly recipe: PruneRecipe;
  /** SHA-256 of the model before. */
  readonly modelSha256: string;
  /** What was tuned on. */
  readonly data: { readonly samples: number; readonly description: string };
  /** Another version or architecture rounds otherwise. */
  readonly engine: string;
  readonly sha256: string;
};

export type PrunedFile = {
  readonly modelPath: string;
  readonly output: string;
  readonly recipe: PruneRecipe;
  readonly samples: Pick<Samples, 'count' | 'description'>;
  readonly bytes: Uint8Array;
};

/** Writes both files or none. @throws USAGE when it would overwrite the model; DISK_FULL, WRITE_FAILED. */
export async function writePruned(file: PrunedFile): Promise<{ recipePath: string; record: PruneRecord }> {
  const { modelPath, output, recipe, samples, bytes } = file;
  refuseOverwriting(modelPath, output);
  const recipePath = `${output.replace(/\.onnx$/, '')}.recipe.json`;
  const record = await writeVariant(output, recipePath, bytes, {
    recipe,
    modelSha256: await sha256OfFile(modelPath),
    data: { samples: Math.min(samples.count, recipe.samples), description: samples.description },
    engine: `onnxruntime ${engineVersion} ${process.arch}`,
  });
  return { recipePath, record };
}

/** Asked before the work starts, too. @throws USAGE */
export function refuseOverwriting(modelPath: string, output: string): void {
  if (resolve(modelPath) !== resolve(output)) return;
  throw new OctetError('USAGE', `--output: expected another file than the model, got ${output} for both`, {
    hint: 'The float model is the teacher of the pruned one; write that beside it.',
  });
}
