/** `octet models verify`: judges a published folder as a device would, and then looks at every file it can be asked for. */
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TargetFile } from '@tufjs/models';
import type { Clock } from '../../runtime/base/clock.ts';
import { readInput } from '../../runtime/base/files.ts';
import { filesOf, parseManifest } from '../manifest.ts';
import { refusalFrom } from '../refusal.ts';
import { StagingFetcher } from '../staging-fetcher.ts';
import { openTrustedMetadata, type TrustedMetadata } from '../trusted-metadata.ts';
import { UnfinishedDownloads } from '../unfinished-downloads.ts';
import { metadataFolder, type RoleName, roles, targetFileName, targetsFolder } from './layout.ts';
import { modelsIn, newestVersions, type PublishedModel } from './listing.ts';
import { parseRole } from './metadata.ts';
import { trustedRootFile } from './open.ts';

export type VerifyReport = {
  /** Each role's version and the end of its validity, ISO 8601. */
  readonly roles: readonly { readonly role: RoleName; readonly version: number; readonly expires: string }[];
  readonly models: readonly (PublishedModel & { readonly current: boolean })[];
  /** Files that are missing, damaged or contradict their manifest; empty when all is well. */
  readonly problems: readonly string[];
};

/**
 * @param options.rootFile the pinned root; the folder's own `1.root.json` when absent, which then proves consistency only.
 * @throws SIGNATURE_INVALID, REPOSITORY_INVALID, FILE_NOT_FOUND when devices would refuse the metadata.
 */
export async function verifyRepository(
  folder: string,
  options: { readonly clock: Clock; readonly rootFile?: string },
): Promise<VerifyReport> {
  const rootFile = options.rootFile ?? join(folder, metadataFolder, trustedRootFile);
  const root = await readInput(rootFile, 'first root of the repository');
  const workFolder = await mkdtemp(join(tmpdir(), 'octet-verify-'));
  const url = pathToFileURL(`${resolve(folder)}/`).href;
  const unfinished = new UnfinishedDownloads(join(workFolder, 'unfinished'));
  const fetcher = new StagingFetcher({ stagingFolder: workFolder, unfinished });
  const cacheFolder = join(workFolder, 'cache');
  try {
    const trusted = await openTrustedMetadata({ url, root, cacheFolder, workFolder, fetcher, clock: options.clock });
    await trusted.refresh();
    return await report(folder, trusted, join(workFolder, metadataFolder));
  } catch (error) {
    throw fetcher.lastFailure ?? refusalFrom(error, { url });
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

async function report(folder: string, trusted: TrustedMetadata, verifiedFolder: string): Promise<VerifyReport> {
  const targets = Object.values((await trusted.targets()).targets);
  const newest = newestVersions(targets);
  const problems = await Promise.all(targets.map((target) => problemOf(folder, target, targets)));
  return {
    roles: await Promise.all(roles.map((role) => describeRole(verifiedFolder, role))),
    models: modelsIn(targets).map((model) => ({ ...model, current: newest.get(model.name) === model.version })),
    problems: problems.filter((problem) => problem !== undefined),
  };
}

async function describeRole(folder: string, role: RoleName) {
  const path = join(folder, `${role}.json`);
  const { version, expires } = parseRole(role, await readFile(path), path).signed;
  return { role, version, expires };
}

async function problemOf(folder: string, target: TargetFile, all: readonly TargetFile[]): Promise<string | undefined> {
  const path = join(folder, targetsFolder, targetFileName(target.path, target.hashes.sha256!));
  try {
    await target.verify(createReadStream(path));
    if (target.path.endsWith('/manifest.json')) checkManifest(await readFile(path, 'utf8'), target.path, all);
    return undefined;
  } catch (error) {
    return `${path}: ${(error as Error).message}`;
  }
}

/** Every file a manifest names must be a signed target with the digest that the manifest states. */
function checkManifest(text: string, path: string, all: readonly TargetFile[]): void {
  const manifest = parseManifest(text, path);
  for (const { file, sha256 } of filesOf(manifest)) {
    const target = all.find((other) => other.path === `${manifest.name}/${manifest.version}/${file}`);
    if (target?.hashes.sha256 !== sha256)
      throw new Error(`expected ${file} to be signed with SHA-256 ${sha256}, got ${target?.hashes.sha256 ?? 'none'}`);
  }
}
