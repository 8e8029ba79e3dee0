/** The demo's data folder: one demo at a time, kept from run to run, emptied of what is the demo's own on demand. */
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { lockFolder } from '../../agent/store/lock-folder.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import { writeError } from '../../runtime/base/files.ts';

/** What the demo keeps there; whatever else may lie there stays. */
const own = ['repository', 'repository.keys', 'operator', 'agent', 'agent.json'] as const;

export type DataFolder = Disposable & { readonly path: string };

/**
 * Makes the folder and holds it until disposed.
 * @param fresh removes what earlier runs left, once it is certain that no other demo is using it.
 * @throws STORE_FAILED when another demo holds it, WRITE_FAILED, DISK_FULL.
 */
export async function openDataFolder(folder: string, fresh: boolean): Promise<DataFolder> {
  const path = resolve(folder);
  const lock = await hold(path);
  try {
    if (fresh) for (const name of own) await rm(join(path, name), { recursive: true, force: true });
  } catch (error) {
    lock[Symbol.dispose]();
    throw writeError(path, error);
  }
  return { path, [Symbol.dispose]: () => lock[Symbol.dispose]() };
}

async function hold(path: string): Promise<Disposable> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw writeError(path, error);
  });
  try {
    return lockFolder(path);
  } catch (cause) {
    if (!(cause instanceof OctetError) || cause.code !== 'STORE_FAILED') throw cause;
    throw new OctetError('STORE_FAILED', `${path}: expected to be the only demo that uses this folder, got a lock`, {
      hint: 'Stop the other demo, or give this one a folder of its own: octet demo --port 0 --data FOLDER',
      cause,
    });
  }
}
