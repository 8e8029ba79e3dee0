/** Which models a list of signed targets holds. */
import type { TargetFile } from '@tufjs/models';
import { compareVersions } from '../version.ts';

export type PublishedModel = { readonly name: string; readonly version: string };

/** The model versions among targets: one for each `<name>/<version>/manifest.json`. */
export function modelsIn(targets: readonly TargetFile[]): PublishedModel[] {
  return targets.flatMap(({ path }) => {
    const [name, version, file] = path.split('/');
    return file === 'manifest.json' ? [{ name: name!, version: version! }] : [];
  });
}

/** Name → its newest version. */
export function newestVersions(targets: readonly TargetFile[]): Map<string, string> {
  const newest = new Map<string, string>();
  for (const { name, version } of modelsIn(targets)) {
    const known = newest.get(name);
    if (known === undefined || compareVersions(version, known) > 0) newest.set(name, version);
  }
  return newest;
}
