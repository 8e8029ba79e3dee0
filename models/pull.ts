/**
 * The only way a model comes onto a device: by TUF, from a pinned root down to the digest of every file (TUF §5, the
 * client's workflow, by tuf-js). A model is in the store whole and verified, or not at all.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TargetFile, Targets } from '@tufjs/models';
import type { Clock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { readInput } from '../runtime/base/files.ts';
import { filesOf, type Manifest, manifestFile, parseManifest, verifyModelFolder } from './manifest.ts';
import { ModelStore } from './model-store.ts';
import { refusalFrom } from './refusal.ts';
import { currentManifestTarget, versionManifestTarget } from './repository/layout.ts';
import { newestVersions } from './repository/listing.ts';
import { parseRole } from './repository/metadata.ts';
import { StagingFetcher } from './staging-fetcher.ts';
import { makeRoom, type StoreBudget } from './store-budget.ts';
import { lastValidity, openTrustedMetadata, type TrustedMetadata, type Validity } from './trusted-metadata.ts';

export type PullRequest = {
  /** The repository: `http://hub:8080/repository/`, `https://…`, or `file:///media/stick/repository/`. */
  readonly url: string;
  /** The pinned first root metadata (`1.root.json`), brought onto the device by a trusted way. */
  readonly rootFile: string;
  /** A model's name for its newest version, or `name@version`. */
  readonly target: string;
  /** Where models are kept: `<storeFolder>/<manifest SHA-256>/`. Made when missing. */
  readonly storeFolder: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PullProgress) => void;
  /** Give up when no byte arrives for so long, milliseconds. @default 30000 */
  readonly idleTimeoutMs?: number;
  /** Older models make room for a new one. Without it the store grows. */
  readonly budget?: StoreBudget;
};

/** Bytes of the model's files so far, and altogether. */
export type PullProgress = { readonly receivedBytes: number; readonly totalBytes: number };

export type PulledModel = {
  /** MODEL_DIR: manifest.json, model.onnx, features.onnx if any. */
  readonly folder: string;
  /** SHA-256 of manifest.json, which vouches for the rest. */
  readonly digest: string;
  readonly name: string;
  readonly version: string;
  /** `downloaded` now; `present` in the store already; `offline`: the repository did not answer, this is what it last offered. */
  readonly origin: 'downloaded' | 'present' | 'offline';
  /** Which of the repository's signatures ends first, and when, Unix milliseconds: after that nothing new can be pulled. */
  readonly validUntil: Validity | null;
};

/**
 * Pulls a model into the store, or finds it there. Without network, a target that was pulled before is answered from the
 * store.
 * @throws REPOSITORY_UNREACHABLE; SIGNATURE_INVALID for wrong keys, tampering, expiry, rollback, endless data;
 * TARGET_NOT_FOUND with the names there are; MANIFEST_INVALID, DISK_FULL, WRITE_FAILED, CANCELLED, USAGE. The store is
 * as it was.
 */
export async function pullModel(request: PullRequest): Promise<PulledModel> {
  const target = parseTarget(request.target);
  const store = new ModelStore(request.storeFolder);
  const root = await readInput(request.rootFile, 'pinned root metadata');
  parseRole('root', root, request.rootFile);
  try {
    return await pullFromRepository(request, root, target, store);
  } catch (error) {
    const known = isUnreachable(error) ? await lastPulled(request, root, store) : undefined;
    if (known === undefined) throw error;
    return known;
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof OctetError && error.code === 'REPOSITORY_UNREACHABLE';
}

/** What the repository last offered for this target, if it is in the store. */
async function lastPulled({ target }: PullRequest, root: Buffer, store: ModelStore): Promise<PulledModel | undefined> {
  const digest = await store.lastOffer(target);
  const found = digest === undefined ? undefined : await store.find(digest);
  if (digest === undefined || found === undefined) return undefined;
  const { name, version } = found;
  const validUntil = await lastValidity({ cacheFolder: trustedFolder(store), root });
  return { folder: store.folderOf(digest), digest, name, version, origin: 'offline', validUntil };
}

function trustedFolder(store: ModelStore): string {
  return join(store.folder, 'trusted');
}

type Target = { readonly name: string; readonly version?: string };

type Session = PullRequest & {
  readonly store: ModelStore;
  readonly staging: string;
  readonly trusted: TrustedMetadata;
  /** Told how many bytes of model files have arrived. */
  readonly count: { total: number; received: number };
};

async function pullFromRepository(
  request: PullRequest,
  root: Buffer,
  target: Target,
  store: ModelStore,
): Promise<PulledModel> {
  const staging = await store.stage();
  const count = { total: 0, received: 0 };
  const onBytes = (bytes: number) => {
    count.received += bytes;
    // Until the manifest is here, nobody knows how much there is.
    if (count.total > 0) request.onProgress?.({ receivedBytes: count.received, totalBytes: count.total });
  };
  const fetcher = new StagingFetcher({
    stagingFolder: staging,
    unfinished: store.unfinished,
    onBytes,
    ...pick(request),
  });
  try {
    const cacheFolder = trustedFolder(store);
    const trusted = await openTrustedMetadata({ ...request, root, cacheFolder, workFolder: staging, fetcher });
    await trusted.refresh();
    return await pullTarget({ ...request, store, staging, trusted, count }, target);
  } catch (error) {
    throw fetcher.lastFailure ?? refusalFrom(error, request);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function pullTarget(session: Session, { name, version }: Target): Promise<PulledModel> {
  const { store, trusted, staging, target } = session;
  const path = version === undefined ? currentManifestTarget(name) : versionManifestTarget(name, version);
  const info = await trusted.find(path);
  if (info === undefined) throw targetNotFound(target, await trusted.targets());
  const digest = info.hashes.sha256!;
  const folder = store.folderOf(digest);
  const present = await store.find(digest);
  const manifest = present?.manifest ?? (await download(session, info, join(staging, 'model')));
  if (present === undefined) await store.keep(join(staging, 'model'), digest);
  await store.touch(digest, session.clock.wallMs());
  await store.rememberOffer(target, digest);
  const origin = present ? 'present' : 'downloaded';
  return { folder, digest, name, version: manifest.version, origin, validUntil: await trusted.validUntil() };
}

/** Fills `folder` with the manifest and the files it names, each verified against its signed length and digest. */
async function download(session: Session, info: TargetFile, folder: string): Promise<Manifest> {
  const { trusted, count, store, budget } = session;
  await mkdir(folder);
  const manifestPath = join(folder, manifestFile);
  await trusted.download(info, manifestPath);
  const manifest = parseManifest((await readInput(manifestPath, 'manifest')).toString('utf8'), info.path);
  const files = filesOf(manifest);
  count.received = 0;
  count.total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (budget) await makeRoom(store, count.total, budget);
  for (const { file } of files) {
    const path = `${manifest.name}/${manifest.version}/${file}`;
    const fileInfo = await trusted.find(path);
    if (fileInfo === undefined)
      throw new OctetError(
        'REPOSITORY_INVALID',
        `${info.path}: expected ${path} to be signed too, got no such target`,
        {
          hint: 'The operator must publish the model again: octet models add, octet models publish',
        },
      );
    await trusted.download(fileInfo, join(folder, file));
  }
  await verifyModelFolder(folder);
  return manifest;
}

function parseTarget(target: string): Target {
  const [, name, version] = /^([a-z0-9][a-z0-9-]{0,62})(?:@([0-9A-Za-z.-]{1,64}))?$/.exec(target) ?? [];
  if (name !== undefined) return version === undefined ? { name } : { name, version };
  throw new OctetError('USAGE', `model: expected a name or name@version, got ${JSON.stringify(target)}`, {
    hint: 'For example watch-exercise, or watch-exercise@1.0.0',
  });
}

function targetNotFound(target: string, { targets }: Targets): OctetError {
  const names = [...newestVersions(Object.values(targets))].map(([name, version]) => `${name} ${version}`);
  const there = names.length === 0 ? 'an empty repository' : `one that has ${names.join(', ')}`;
  return new OctetError('TARGET_NOT_FOUND', `expected the repository to have ${target}, got ${there}`, {
    hint: 'Publish it (octet models add, octet models publish), or name one that is there.',
  });
}

function pick({ signal, idleTimeoutMs }: PullRequest): Pick<PullRequest, 'signal' | 'idleTimeoutMs'> {
  return { ...(signal ? { signal } : {}), ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }) };
}
