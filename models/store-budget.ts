/**
 * Keeps the models on a device within a number of bytes: what was asked for longest ago goes first, and what the caller
 * names (the active model and the one before it) never goes.
 */
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OctetError } from '../runtime/base/errors.ts';
import type { ModelStore } from './model-store.ts';

export type StoreBudget = {
  /** For all models together, bytes. */
  readonly bytes: number;
  /** Manifest digests of models that must stay, whatever it costs. */
  readonly keep: readonly string[];
};

type StoredModel = { readonly digest: string; readonly sizeBytes: number; readonly lastAskedMs: number };

/**
 * Deletes models until `neededBytes` more fit. Interrupted downloads go before any model: they are only time.
 * @returns the digests of what went. @throws DISK_FULL when what must stay leaves too little; then nothing is deleted.
 */
export async function makeRoom(store: ModelStore, neededBytes: number, budget: StoreBudget): Promise<string[]> {
  const models = await storedModels(store.folder);
  const removals = planRemovals(models, neededBytes, budget);
  if (removals.length > 0) await store.unfinished.clear();
  for (const digest of removals) await remove(store, digest);
  return removals;
}

function planRemovals(models: readonly StoredModel[], neededBytes: number, { bytes, keep }: StoreBudget): string[] {
  const removals: string[] = [];
  let left = models.reduce((sum, { sizeBytes }) => sum + sizeBytes, neededBytes);
  const oldestFirst = models
    .filter(({ digest }) => !keep.includes(digest))
    .sort((a, b) => a.lastAskedMs - b.lastAskedMs);
  for (const { digest, sizeBytes } of oldestFirst) {
    if (left <= bytes) break;
    removals.push(digest);
    left -= sizeBytes;
  }
  if (left <= bytes) return removals;
  throw new OctetError(
    'DISK_FULL',
    `model store: expected at most ${bytes} bytes, got ${left} of this model and of those in use`,
    { hint: 'Raise repository.storeBytes in the configuration, or deploy a smaller model. Nothing was deleted.' },
  );
}

async function storedModels(folder: string): Promise<StoredModel[]> {
  const digests = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  return Promise.all(
    digests.map(async (digest) => ({
      digest,
      sizeBytes: await sizeOf(join(folder, digest)),
      lastAskedMs: (await stat(join(folder, digest))).mtimeMs,
    })),
  );
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Renamed before it is deleted: a model is there whole or not at all, also when the power goes in between. */
async function remove(store: ModelStore, digest: string): Promise<void> {
  const doomed = join(await store.stage(), digest);
  await rename(store.folderOf(digest), doomed);
  await rm(join(doomed, '..'), { recursive: true, force: true });
}
