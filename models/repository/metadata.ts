/** Signed metadata as bytes and back: what is signed, by which keys, until when. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Metadata, MetadataKind, MetaFile, Root, Snapshot, type TargetFile, Targets, Timestamp } from '@tufjs/models';
import { OctetError } from '../../runtime/base/errors.ts';
import { sha256Of } from '../../runtime/base/files.ts';
import type { Signer } from './keys.ts';
import { metadataFileName, metadataFolder, type RoleName, roles } from './layout.ts';

/** What one role says, by role. */
export type SignedByRole = { root: Root; targets: Targets; snapshot: Snapshot; timestamp: Timestamp };

/** One signed file, ready to be written. */
export type SignedFile = {
  readonly role: RoleName;
  readonly version: number;
  /** Inside `metadata/`. */
  readonly fileName: string;
  readonly bytes: Buffer;
};

const kinds = {
  root: MetadataKind.Root,
  targets: MetadataKind.Targets,
  snapshot: MetadataKind.Snapshot,
  timestamp: MetadataKind.Timestamp,
} as const satisfies Record<RoleName, MetadataKind>;

/** `now` plus `days`, in TUF's form: UTC, whole seconds. */
export function expiryAfter(nowMs: number, days: number): string {
  return `${new Date(nowMs + days * 86_400_000).toISOString().slice(0, 19)}Z`;
}

/** The first root: which keys sign which role, and how many of them it takes. */
export function firstRoot(
  signers: Readonly<Record<RoleName, readonly Signer[]>>,
  thresholds: Readonly<Record<RoleName, number>>,
  expires: string,
): Root {
  const all = roles.flatMap((role) => signers[role].map(({ key }) => key));
  return Root.fromJSON({
    version: 1,
    spec_version: '1.0.31',
    expires,
    consistent_snapshot: true,
    keys: Object.fromEntries(all.map((key) => [key.keyID, key.toJSON()])),
    roles: Object.fromEntries(
      roles.map((role) => [role, { keyids: signers[role].map(({ key }) => key.keyID), threshold: thresholds[role] }]),
    ),
  });
}

export function rootAgain(root: Root, version: number, expires: string): Root {
  return new Root({ ...root, version, expires });
}

export function targetsOf(files: readonly TargetFile[], version: number, expires: string): Targets {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return new Targets({
    version,
    specVersion: '1.0.31',
    expires,
    targets: Object.fromEntries(sorted.map((file) => [file.path, file])),
  });
}

export function snapshotOf(targets: SignedFile, version: number, expires: string): Snapshot {
  return new Snapshot({ version, specVersion: '1.0.31', expires, meta: { 'targets.json': metaFileOf(targets) } });
}

export function timestampOf(snapshot: SignedFile, version: number, expires: string): Timestamp {
  return new Timestamp({ version, specVersion: '1.0.31', expires, snapshotMeta: metaFileOf(snapshot) });
}

/**
 * Signs with every key at hand that `root` lists for the role.
 * @throws REPOSITORY_INVALID when fewer than the role's threshold are at hand.
 */
export function signRole(signed: SignedByRole[RoleName], root: Root, signers: readonly Signer[]): SignedFile {
  return signedFile(signed, signersOf(signed.type, root, signers));
}

/** A new root is signed by its own root keys and by those of the root before it (TUF §5.3.4). @throws REPOSITORY_INVALID */
export function signRoot(root: Root, previous: Root, signers: readonly Signer[]): SignedFile {
  return signedFile(root, new Set([...signersOf('root', previous, signers), ...signersOf('root', root, signers)]));
}

function signersOf(role: RoleName, root: Root, signers: readonly Signer[]): Signer[] {
  const { keyIDs, threshold } = root.roles[role]!;
  const usable = signers.filter(({ key }) => keyIDs.includes(key.keyID));
  if (usable.length >= threshold) return usable;
  throw new OctetError(
    'REPOSITORY_INVALID',
    `signing ${role}: expected ${threshold} of its keys, got ${usable.length}`,
    { hint: `Name the folder that holds the ${role} key: --keys FOLDER` },
  );
}

function signedFile(signed: SignedByRole[RoleName], signers: Iterable<Signer>): SignedFile {
  const { type: role, version } = signed;
  const metadata = new Metadata(signed);
  for (const signer of signers) metadata.sign((bytes) => signer.sign(bytes));
  const bytes = Buffer.from(`${JSON.stringify(metadata.toJSON(), null, 1)}\n`);
  return { role, version, fileName: metadataFileName(role, version), bytes };
}

/** Reads one published metadata file. @returns undefined when there is none. @throws REPOSITORY_INVALID */
export async function readRole<R extends RoleName>(
  folder: string,
  role: R,
  version: number,
): Promise<Metadata<SignedByRole[R]> | undefined> {
  const path = join(folder, metadataFolder, metadataFileName(role, version));
  const bytes = await readFile(path).catch(() => undefined);
  return bytes === undefined ? undefined : parseRole(role, bytes, path);
}

/** @throws REPOSITORY_INVALID when the bytes are not metadata of that role. */
export function parseRole<R extends RoleName>(role: R, bytes: Uint8Array, where: string): Metadata<SignedByRole[R]> {
  try {
    // The overloads of fromJSON pair each kind with its type one by one; the table `kinds` states the same pairs.
    return Metadata.fromJSON(
      kinds[role] as MetadataKind.Root,
      JSON.parse(Buffer.from(bytes).toString('utf8')),
    ) as unknown as Metadata<SignedByRole[R]>;
  } catch (cause) {
    throw new OctetError(
      'REPOSITORY_INVALID',
      `${where}: expected TUF ${role} metadata, got ${(cause as Error).message}`,
      {
        hint: 'Restore the file from a backup, or make a new repository: octet models init',
        cause,
      },
    );
  }
}

function metaFileOf({ version, bytes }: SignedFile): MetaFile {
  return new MetaFile({ version, length: bytes.length, hashes: { sha256: sha256Of(bytes) } });
}
