/**
 * Where a repository's files lie: `metadata/` and `targets/` in one folder that any static web server can carry. With
 * consistent snapshots (TUF §6.2) every file but `timestamp.json` carries its version or digest in its name and never
 * changes once written, so a reader in the middle of a publication sees the old state or the new one, never a mixture.
 */
import { posix, relative, resolve } from 'node:path';
import { OctetError } from '../../runtime/base/errors.ts';

export const metadataFolder = 'metadata';
export const targetsFolder = 'targets';

/** The four top-level roles, in the order in which a client trusts them and a publication writes them (TUF §5.3 to §5.6). */
export const roles = ['root', 'targets', 'snapshot', 'timestamp'] as const;
export type RoleName = (typeof roles)[number];

/** `3.targets.json`, `timestamp.json` (TUF §6.2: the timestamp alone has no version in its name). */
export function metadataFileName(role: RoleName, version: number): string {
  return role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`;
}

/** Target path → file inside `targets/`: `a/1.0.0/model.onnx` → `a/1.0.0/<sha256>.model.onnx`. */
export function targetFileName(targetPath: string, sha256: string): string {
  const { dir, base } = posix.parse(targetPath);
  return posix.join(dir, `${sha256}.${base}`);
}

/** The manifest of one version. */
export function versionManifestTarget(name: string, version: string): string {
  return `${name}/${version}/manifest.json`;
}

/**
 * A copy of the newest version's manifest under a path that does not change: how a client finds out which version is
 * current, with one signed entry and no comparing of versions on the device.
 */
export function currentManifestTarget(name: string): string {
  return `${name}/manifest.json`;
}

/** The private folder, `<folder>.keys` when none is named. @throws USAGE when it would be published too. */
export function keysFolderOf(folder: string, keysFolder: string | undefined): string {
  const published = resolve(folder);
  const keys = resolve(keysFolder ?? `${published}.keys`);
  const inside = relative(published, keys);
  if (inside === '..' || inside.startsWith('../')) return keys;
  throw new OctetError('USAGE', `keys folder: expected a folder outside the published ${folder}, got ${keys}`, {
    hint: 'Whatever lies in the published folder can be downloaded by anyone; keep the keys elsewhere.',
  });
}
