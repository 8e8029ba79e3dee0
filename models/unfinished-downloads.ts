/**
 * What interrupted downloads had already brought, so that the next attempt goes on where the last one stopped. The files carry their
 * digest in their names and prove themselves when they are whole, so nothing here needs to be trusted or locked: whoever moves a
 * file away first has it.
 */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** How a file is called while it is being downloaded. */
const suffix = '.download';

export class UnfinishedDownloads {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Begins or resumes: moves what there is into `stagingFolder`. @returns the path to write to, and how many bytes it has. */
  async take(stagingFolder: string, name: string): Promise<{ path: string; sizeBytes: number }> {
    const path = join(stagingFolder, `${name}${suffix}`);
    // Mostly there is none: this is the first attempt.
    await rename(join(this.folder, `${name}${suffix}`), path).catch(() => undefined);
    const sizeBytes = await stat(path).then(
      ({ size }) => size,
      () => 0,
    );
    return { path, sizeBytes };
  }

  /** Puts an interrupted download aside. On a full disk it is given up: what is kept is only time. */
  async put(path: string, name: string): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true });
      await rename(path, join(this.folder, `${name}${suffix}`));
    } catch {
      await rm(path, { force: true });
    }
  }

  /** Saves what a killed process left in its staging folder. */
  async salvage(stagingFolder: string): Promise<void> {
    const names = await readdir(stagingFolder).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(suffix)))
      await this.put(join(stagingFolder, name), name.slice(0, -suffix.length));
  }

  /** Gives up all of them, to make room. */
  async clear(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
