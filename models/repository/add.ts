/**
 * `octet models add`: puts a model folder's files where they will be served from and notes them for the next publication.
 * Until then no client sees them, because no signature mentions them.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { OctetError } from '../../runtime/base/errors.ts';
import { writeFileAtomic } from '../../runtime/base/files.ts';
import { filesOf, manifestFile, measureFile, verifyModelFolder } from '../manifest.ts';
import { targetFileName, targetsFolder, versionManifestTarget } from './layout.ts';
import { openRepository } from './open.ts';
import { type PendingTargets, readPending, writePending } from './settings.ts';

export type AddResult = {
  readonly name: string;
  readonly version: string;
  /** The manifest's SHA-256: what identifies this version of this model from now on. */
  readonly digest: string;
  /** False when exactly this version is in the repository or added already. */
  readonly added: boolean;
};

/**
 * @throws MANIFEST_INVALID when a digest differs, or when the same name and version already mean other bytes;
 * REPOSITORY_INVALID, SIGNATURE_INVALID, DISK_FULL, WRITE_FAILED
 */
export async function addModel(
  folder: string,
  modelFolder: string,
  options: { readonly keysFolder?: string } = {},
): Promise<AddResult> {
  const repository = await openRepository(folder, options.keysFolder);
  const { manifest, name, version } = await verifyModelFolder(modelFolder);
  const measured = await measureFile(join(modelFolder, manifestFile));
  const files = [{ file: manifestFile, ...measured }, ...filesOf(manifest)];
  const pending = await readPending(repository.keysFolder);
  const target = versionManifestTarget(name, version);
  const known = pending[target]?.sha256 ?? repository.targets.targets[target]?.hashes.sha256;
  if (known === measured.sha256) return { name, version, digest: known, added: false };
  if (known !== undefined) throw versionTaken(modelFolder, name, version);

  const additions: PendingTargets = {};
  for (const { file, sha256, sizeBytes } of files) {
    const path = `${name}/${version}/${file}`;
    await writeFileAtomic(join(folder, targetsFolder, targetFileName(path, sha256)), chunksOf(join(modelFolder, file)));
    additions[path] = { length: sizeBytes, sha256 };
  }
  await writePending(repository.keysFolder, { ...pending, ...additions });
  return { name, version, digest: measured.sha256, added: true };
}

function versionTaken(modelFolder: string, name: string, version: string): OctetError {
  return new OctetError(
    'MANIFEST_INVALID',
    `${name} ${version}: expected a version that is not in the repository yet, got one that means other bytes`,
    {
      hint: `Raise "version" in ${join(modelFolder, manifestFile)}; a version that devices may hold never changes.`,
    },
  );
}

/** A file in pieces of 1 MiB, so that adding a large model needs little memory. */
function* chunksOf(path: string): Generator<Uint8Array> {
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(1 << 20);
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) yield chunk.subarray(0, read);
  } finally {
    closeSync(file);
  }
}
