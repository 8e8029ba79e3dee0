/**
 * What this device knows to be signed. It keeps the newest verified metadata of each repository between pulls, because
 * noticing a rollback needs a memory. tuf-js writes its files in place, where a power cut would leave half a root; so it
 * works on a copy, and what it has verified is then taken over file by file, each atomically.
 */
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Metadata, MetadataKind, type TargetFile, type Targets } from '@tufjs/models';
import { type Fetcher, Updater } from 'tuf-js';
import type { Clock } from '../runtime/base/clock.ts';
import { sha256Of, writeFileAtomic } from '../runtime/base/files.ts';
import { metadataFolder, type RoleName, roles, targetFileName, targetsFolder } from './repository/layout.ts';
import { parseRole } from './repository/metadata.ts';

export type TrustedMetadata = {
  /** Bring it up to date with the repository, and remember what was verified, even when a later step fails. */
  refresh(): Promise<void>;
  /** A signed target; undefined when nothing of that path is signed. */
  find(path: string): Promise<TargetFile | undefined>;
  /**
   * Fetches a signed target to `destination`, verified against its length and digests before it gets that name. Moved,
   * not copied as tuf-js's own download does: a model then needs its size on disk once, and nothing blocks.
   */
  download(target: TargetFile, destination: string): Promise<void>;
  /** The signed targets of the last refresh. */
  targets(): Promise<Targets>;
  validUntil(): Promise<Validity | null>;
};

/** Which signature ends first, and when, Unix milliseconds. */
export type Validity = { readonly role: RoleName; readonly ms: number };

export type TrustOptions = {
  /** The repository's address, the parent of `metadata/` and `targets/`. */
  readonly url: string;
  /** The pinned first root. Metadata of another root is kept apart: changing the pin starts from nothing. */
  readonly root: Buffer;
  /** Kept between pulls: `<cacheFolder>/<sha256 of the root>/<role>.json`. */
  readonly cacheFolder: string;
  /** An existing, empty folder for the working copy. */
  readonly workFolder: string;
  readonly fetcher: Fetcher;
  readonly clock: Clock;
};

/** @throws whatever tuf-js says of a pinned root that is none. */
export async function openTrustedMetadata(options: TrustOptions): Promise<TrustedMetadata> {
  const cacheFolder = cacheOf(options);
  const metadataDir = join(options.workFolder, metadataFolder);
  await copyIn(cacheFolder, metadataDir, options.root);
  const base = options.url.endsWith('/') ? options.url : `${options.url}/`;
  const updater = new Updater({
    metadataDir,
    metadataBaseUrl: new URL(metadataFolder, base).href,
    fetcher: options.fetcher,
  });
  // tuf-js compares expiry with the wall clock and offers no other way to pass a time in; a test holds this to account.
  Reflect.set(Reflect.get(updater, 'trustedSet'), 'referenceTime', new Date(options.clock.wallMs()));
  return {
    find: (path) => updater.getTargetInfo(path),
    async download(target, destination) {
      const url = new URL(`${targetsFolder}/${targetFileName(target.path, target.hashes.sha256!)}`, base).href;
      await options.fetcher.downloadFile(url, target.length, async (staged) => {
        await target.verify(createReadStream(staged));
        await rename(staged, destination);
      });
    },
    async refresh() {
      try {
        await updater.refresh();
      } finally {
        await copyBack(metadataDir, cacheFolder);
      }
    },
    async targets() {
      const text = await readFile(join(metadataDir, 'targets.json'), 'utf8');
      return Metadata.fromJSON(MetadataKind.Targets, JSON.parse(text)).signed;
    },
    validUntil: () => validityIn(metadataDir),
  };
}

/** How long the metadata that was verified last is valid, without asking the repository; null before the first time. */
export function lastValidity(options: Pick<TrustOptions, 'cacheFolder' | 'root'>): Promise<Validity | null> {
  return validityIn(cacheOf(options));
}

function cacheOf({ cacheFolder, root }: Pick<TrustOptions, 'cacheFolder' | 'root'>): string {
  return join(cacheFolder, sha256Of(root));
}

async function validityIn(folder: string): Promise<Validity | null> {
  const ends: Validity[] = [];
  for (const role of roles) {
    const bytes = await readWhole(join(folder, `${role}.json`));
    if (bytes !== undefined) ends.push({ role, ms: Date.parse(parseRole(role, bytes, role).signed.expires) });
  }
  return ends.reduce<Validity | null>((first, end) => (first === null || end.ms < first.ms ? end : first), null);
}

async function copyIn(cacheFolder: string, workFolder: string, pinnedRoot: Buffer): Promise<void> {
  await mkdir(workFolder, { recursive: true });
  for (const role of roles) {
    const cached = await readWhole(join(cacheFolder, `${role}.json`));
    const bytes = role === 'root' ? (cached ?? pinnedRoot) : cached;
    if (bytes !== undefined) await writeFileAtomic(join(workFolder, `${role}.json`), bytes);
  }
}

/** Unchanged files are left alone: flash wears. */
async function copyBack(workFolder: string, cacheFolder: string): Promise<void> {
  for (const role of roles) {
    const verified = await readWhole(join(workFolder, `${role}.json`));
    if (verified === undefined) continue;
    const cached = await readWhole(join(cacheFolder, `${role}.json`));
    if (cached === undefined || !verified.equals(cached))
      await writeFileAtomic(join(cacheFolder, `${role}.json`), verified);
  }
}

/** A file's bytes, or undefined when it is missing or holds no JSON (a damaged disk, a full one): the next source decides. */
async function readWhole(path: string): Promise<Buffer | undefined> {
  try {
    const bytes = await readFile(path);
    JSON.parse(bytes.toString('utf8'));
    return bytes;
  } catch {
    return undefined;
  }
}
