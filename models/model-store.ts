/**
 * The models on a device, each in a folder named by its manifest's SHA-256. A folder is complete or absent: it is filled
 * elsewhere, flushed, and moved in by one rename. Beside them lies, per target, what the repository last offered.
 */
import { mkdir, mkdtemp, open, readdir, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { systemCodeOf } from '../runtime/base/errors.ts';
import { syncFolder, writeError, writeFileAtomic } from '../runtime/base/files.ts';
import { readJson } from '../runtime/base/json.ts';
import { type ModelFolder, verifyModelFolder } from './manifest.ts';
import { UnfinishedDownloads } from './unfinished-downloads.ts';

const offerSchema = z.strictObject({ digest: z.string().regex(/^[0-9a-f]{64}$/) });

export class ModelStore {
  readonly folder: string;
  readonly unfinished: UnfinishedDownloads;

  constructor(folder: string) {
    this.folder = folder;
    this.unfinished = new UnfinishedDownloads(join(folder, '.unfinished'));
  }

  /** Where the model with this manifest digest lies, or will lie. */
  folderOf(digest: string): string {
    return join(this.folder, digest);
  }

  /** The model, its files checked against their digests; undefined when absent or damaged. */
  async find(digest: string): Promise<ModelFolder | undefined> {
    try {
      return await verifyModelFolder(this.folderOf(digest));
    } catch {
      // Absent, or damaged by the disk: either way it has to be fetched (again), and `keep` replaces it.
      return undefined;
    }
  }

  /** What the repository offered for this target at the last successful pull; undefined before the first one. */
  async lastOffer(target: string): Promise<string | undefined> {
    try {
      const path = this.#offerPath(target);
      const offer = await readJson(path, offerSchema, { code: 'STORE_FAILED', what: `store ${path}` });
      return offer.digest;
    } catch {
      // Never pulled, or the note is damaged: it only saves a download, the repository knows better.
      return undefined;
    }
  }

  async rememberOffer(target: string, digest: string): Promise<void> {
    if ((await this.lastOffer(target)) === digest) return;
    await writeFileAtomic(this.#offerPath(target), `${JSON.stringify({ digest })}\n`);
  }

  /** Notes that somebody asked for a model that is here, so that it is not the first to go when room is needed. */
  async touch(digest: string, nowMs: number): Promise<void> {
    await utimes(this.folderOf(digest), nowMs / 1000, nowMs / 1000);
  }

  /**
   * An empty folder for a download, on the same disk. Of what a killed process left behind, unfinished downloads are kept.
   * @throws DISK_FULL, WRITE_FAILED
   */
  async stage(): Promise<string> {
    const partial = join(this.folder, '.partial');
    try {
      await mkdir(partial, { recursive: true });
      for (const name of await readdir(partial)) {
        if (!isRunning(Number.parseInt(name, 10))) await this.#discard(join(partial, name));
      }
      return await mkdtemp(join(partial, `${process.pid}-`));
    } catch (error) {
      throw writeError(partial, error);
    }
  }

  /** Moves a filled, verified folder in under its digest, durably. @throws DISK_FULL, WRITE_FAILED */
  async keep(stagedFolder: string, digest: string): Promise<void> {
    const destination = this.folderOf(digest);
    // Another pull of this process may have stored the same bytes meanwhile, and somebody may be using them.
    if (await this.find(digest)) return;
    try {
      for (const name of await readdir(stagedFolder)) await syncFile(join(stagedFolder, name));
      await syncFolder(stagedFolder);
      await this.#moveIn(stagedFolder, digest);
      await syncFolder(this.folder);
    } catch (error) {
      throw writeError(destination, error);
    }
  }

  async #moveIn(from: string, digest: string): Promise<void> {
    const to = this.folderOf(digest);
    try {
      await rename(from, to);
    } catch (error) {
      const code = systemCodeOf(error);
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      // Another pull was faster: its bytes are the same, and must not be away for a moment.
      if (await this.find(digest)) return;
      await rename(to, `${from}.damaged`);
      await rename(from, to);
      await rm(`${from}.damaged`, { recursive: true, force: true });
    }
  }

  async #discard(stagedFolder: string): Promise<void> {
    await this.unfinished.salvage(stagedFolder);
    await rm(stagedFolder, { recursive: true, force: true });
  }

  #offerPath(target: string): string {
    return join(this.folder, 'offers', `${target}.json`);
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}
