/**
 * A repository as its operator sees it: the published metadata, checked against the first root kept beside the keys, and
 * the keys at hand. The check matters: the next publication builds on these files and signs them again, so whatever a
 * stranger put on the web server must be noticed here.
 */
import { join } from 'node:path';
import type { Metadata, Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { OctetError } from '../../runtime/base/errors.ts';
import { readInput } from '../../runtime/base/files.ts';
import { loadKeys, type Signer } from './keys.ts';
import { keysFolderOf, metadataFileName, metadataFolder, type RoleName } from './layout.ts';
import { parseRole, readRole, type SignedByRole } from './metadata.ts';
import { readSettings, type Settings } from './settings.ts';

/** The first root's name in the private folder. Devices pin the same file. */
export const trustedRootFile = metadataFileName('root', 1);

export type Repository = {
  readonly folder: string;
  readonly keysFolder: string;
  readonly settings: Settings;
  readonly signers: readonly Signer[];
  readonly root: Root;
  readonly targets: Targets;
  readonly snapshot: Snapshot;
  readonly timestamp: Timestamp;
};

/**
 * Opens a repository for changing it. Expired metadata is accepted: renewing it is what one opens it for.
 * @param keysFolder the private folder; `<folder>.keys` when undefined.
 * @throws FILE_NOT_FOUND, REPOSITORY_INVALID, SIGNATURE_INVALID
 */
export async function openRepository(folder: string, keysFolder: string | undefined): Promise<Repository> {
  const keys = keysFolderOf(folder, keysFolder);
  const [signers, settings, trusted] = await Promise.all([
    loadKeys(keys),
    readSettings(keys),
    readInput(join(keys, trustedRootFile), 'first root of the repository'),
  ]);
  const root = await newestRoot(folder, parseRole('root', trusted, join(keys, trustedRootFile)));
  const { signed: timestamp } = await readTrusted(folder, root, 'timestamp', 0);
  const { signed: snapshot } = await readTrusted(folder, root, 'snapshot', timestamp.snapshotMeta.version);
  const { signed: targets } = await readTrusted(folder, root, 'targets', snapshot.meta['targets.json']?.version ?? 0);
  return { folder, keysFolder: keys, settings, signers, root: root.signed, targets, snapshot, timestamp };
}

/** Follows the chain of roots, each signed by its predecessor and by itself (TUF §5.3). */
async function newestRoot(folder: string, trusted: Metadata<Root>): Promise<Metadata<Root>> {
  const next = await readRole(folder, 'root', trusted.signed.version + 1);
  if (next === undefined) return trusted;
  requireSignature(folder, trusted, next);
  requireSignature(folder, next, next);
  return newestRoot(folder, next);
}

async function readTrusted<R extends RoleName>(
  folder: string,
  root: Metadata<Root>,
  role: R,
  version: number,
): Promise<Metadata<SignedByRole[R]>> {
  const metadata = await readRole(folder, role, version);
  if (metadata === undefined)
    throw new OctetError(
      'REPOSITORY_INVALID',
      `${join(folder, metadataFolder)}: expected ${metadataFileName(role, version)}, got none`,
      {
        hint: `Make a repository first: octet models init ${folder}`,
      },
    );
  requireSignature(folder, root, metadata as Metadata<Targets>);
  return metadata;
}

function requireSignature(folder: string, root: Metadata<Root>, metadata: Metadata<Root> | Metadata<Targets>): void {
  try {
    root.verifyDelegate(metadata.signed.type, metadata);
  } catch (cause) {
    throw new OctetError(
      'SIGNATURE_INVALID',
      `${folder}: expected metadata signed by this repository's keys, got: ${(cause as Error).message}`,
      {
        hint: 'Somebody else wrote into the published folder, or --keys names the keys of another repository. Restore it from a backup.',
        cause,
      },
    );
  }
}
