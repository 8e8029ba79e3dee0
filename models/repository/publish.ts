/** `octet models publish`: signs what was added, so that clients see it from their next look on. */
import { join } from 'node:path';
import { TargetFile } from '@tufjs/models';
import type { Clock } from '../../runtime/base/clock.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import { readInput, writeFileAtomic } from '../../runtime/base/files.ts';
import { measureFile } from '../manifest.ts';
import { currentManifestTarget, targetFileName, targetsFolder, versionManifestTarget } from './layout.ts';
import { modelsIn, newestVersions, type PublishedModel } from './listing.ts';
import { openRepository } from './open.ts';
import { planRelease, writeRelease } from './release.ts';
import { type PendingTargets, readPending, writePending } from './settings.ts';

export type PublishResult = {
  /** What became visible, in no particular order; empty when nothing was added since the last publication. */
  readonly published: readonly PublishedModel[];
  /** The repository's version: that of its timestamp. */
  readonly timestampVersion: number;
  /** When clients stop accepting it unless it is refreshed, ISO 8601. */
  readonly expires: string;
};

export type PublishOptions = { readonly keysFolder?: string; readonly clock: Clock };

/** @throws REPOSITORY_INVALID, SIGNATURE_INVALID, DISK_FULL, WRITE_FAILED; what was published before still stands. */
export async function publishRepository(folder: string, { keysFolder, clock }: PublishOptions): Promise<PublishResult> {
  const repository = await openRepository(folder, keysFolder);
  const { targets: released, expires, version } = { ...repository.timestamp, targets: repository.targets.targets };
  const pending = unreleased(await readPending(repository.keysFolder), released);
  const additions = Object.entries(pending).map(([path, { length, sha256 }]) => targetOf(path, length, sha256));
  if (additions.length === 0) return { published: [], timestampVersion: version, expires };

  await requireFiles(folder, additions);
  const versioned = [...Object.values(released), ...additions];
  const pointers = await writePointers(folder, additions, newestVersions(versioned));
  const targets = new Map([...versioned, ...pointers].map((target) => [target.path, target]));
  const plan = planRelease(repository, {
    roles: new Set(['targets']),
    targets: [...targets.values()],
    nowMs: clock.wallMs(),
  });
  await writeRelease(folder, plan);
  await writePending(repository.keysFolder, {});
  const published = modelsIn(additions);
  return {
    published,
    timestampVersion: version + 1,
    expires: JSON.parse(plan.at(-1)!.bytes.toString()).signed.expires,
  };
}

/** After a crash between the last write and the emptying of the notes, everything noted is released already. */
function unreleased(pending: PendingTargets, released: Readonly<Record<string, TargetFile>>): PendingTargets {
  return Object.fromEntries(
    Object.entries(pending).filter(([path, { sha256 }]) => released[path]?.hashes.sha256 !== sha256),
  );
}

/** Nothing is signed that is not there with the digest it had when it was added. */
async function requireFiles(folder: string, targets: readonly TargetFile[]): Promise<void> {
  for (const { path, hashes } of targets) {
    const file = join(folder, targetsFolder, targetFileName(path, hashes.sha256!));
    const { sha256 } = await measureFile(file);
    if (sha256 !== hashes.sha256)
      throw new OctetError('REPOSITORY_INVALID', `${file}: expected SHA-256 ${hashes.sha256}, got ${sha256}`, {
        hint: 'The file changed after it was added. Delete it and add the model again: octet models add',
      });
  }
}

/** `<name>/manifest.json` of each model whose newest version changes: the bytes of that version's manifest. */
async function writePointers(
  folder: string,
  additions: readonly TargetFile[],
  newest: ReadonlyMap<string, string>,
): Promise<TargetFile[]> {
  const added = new Map(additions.map((target) => [target.path, target]));
  const pointers: TargetFile[] = [];
  for (const [name, version] of newest) {
    const manifest = added.get(versionManifestTarget(name, version));
    if (manifest === undefined) continue;
    const sha256 = manifest.hashes.sha256!;
    const pointer = targetOf(currentManifestTarget(name), manifest.length, sha256);
    const bytes = await readInput(
      join(folder, targetsFolder, targetFileName(manifest.path, sha256)),
      'published manifest',
    );
    await writeFileAtomic(join(folder, targetsFolder, targetFileName(pointer.path, sha256)), bytes);
    pointers.push(pointer);
  }
  return pointers;
}

function targetOf(path: string, length: number, sha256: string): TargetFile {
  return new TargetFile({ path, length, hashes: { sha256 } });
}
