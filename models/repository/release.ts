/**
 * Changing a published repository. What to sign is planned without touching the disk; writing follows the plan's order,
 * in which every file is complete before another one mentions it. `timestamp.json` comes last and alone makes the change
 * visible, so a server may be read, and this program killed, at any moment.
 */
import { join } from 'node:path';
import { type Root, Snapshot, type TargetFile, Timestamp } from '@tufjs/models';
import { writeFileAtomic } from '../../runtime/base/files.ts';
import { metadataFolder, type RoleName } from './layout.ts';
import {
  expiryAfter,
  rootAgain,
  type SignedFile,
  signRole,
  signRoot,
  snapshotOf,
  targetsOf,
  timestampOf,
} from './metadata.ts';
import type { Repository } from './open.ts';

export type Renewal = {
  /** Roles to sign again besides the timestamp; a new targets role brings a new snapshot with it. */
  readonly roles: ReadonlySet<RoleName>;
  /** The root from now on, if its keys change; the present one when absent. */
  readonly root?: Root;
  /** All targets from now on; the present ones when absent. */
  readonly targets?: readonly TargetFile[];
  /** Now, Unix milliseconds. */
  readonly nowMs: number;
};

/** The signed files of the next release in the order of writing. @throws REPOSITORY_INVALID when a key is missing. */
export function planRelease(repository: Repository, { roles, targets, nowMs, ...renewal }: Renewal): SignedFile[] {
  const { settings, signers, snapshot, timestamp } = repository;
  const expires = (role: RoleName) => expiryAfter(nowMs, settings.expiryDays[role]);
  const root = roles.has('root')
    ? rootAgain(renewal.root ?? repository.root, repository.root.version + 1, expires('root'))
    : repository.root;
  const sign = (signed: Parameters<typeof signRole>[0]) => signRole(signed, root, signers);

  const rootFile = roles.has('root') ? signRoot(root, repository.root, signers) : undefined;
  const targetFiles = targets ?? Object.values(repository.targets.targets);
  const targetsFile = roles.has('targets')
    ? sign(targetsOf(targetFiles, repository.targets.version + 1, expires('targets')))
    : undefined;
  const nextSnapshot = { version: snapshot.version + 1, expires: expires('snapshot') };
  const snapshotFile = targetsFile
    ? sign(snapshotOf(targetsFile, nextSnapshot.version, nextSnapshot.expires))
    : roles.has('snapshot')
      ? sign(new Snapshot({ ...snapshot, ...nextSnapshot }))
      : undefined;
  const nextTimestamp = { version: timestamp.version + 1, expires: expires('timestamp') };
  const timestampFile = snapshotFile
    ? sign(timestampOf(snapshotFile, nextTimestamp.version, nextTimestamp.expires))
    : sign(new Timestamp({ ...timestamp, ...nextTimestamp }));
  return [rootFile, targetsFile, snapshotFile, timestampFile].filter((file) => file !== undefined);
}

/** Writes a plan's files one after the other. @throws DISK_FULL, WRITE_FAILED; what was published before still stands. */
export async function writeRelease(folder: string, files: readonly SignedFile[]): Promise<void> {
  for (const { fileName, bytes } of files) await writeFileAtomic(join(folder, metadataFolder, fileName), bytes);
}
