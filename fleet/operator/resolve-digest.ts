/** Which bytes a model's name stands for: asked of the repository as a device would, so that only what is signed is ordered. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pullModel } from '../../models/pull.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import type { Site } from './site.ts';

export type ResolveOptions = {
  /** A folder, or http://, https://, file://. */
  readonly repository?: string | undefined;
  readonly root?: string | undefined;
  readonly site: Pick<Site, 'repository'>;
};

/** SHA-256 of the manifest. @throws USAGE when no repository is named; whatever refuses the model. */
export async function resolveDigest(target: string, { repository, root, site }: ResolveOptions): Promise<string> {
  const place = repository ?? site.repository?.url;
  if (place === undefined)
    throw new OctetError('USAGE', 'deploy: expected --digest or --repository, got neither', {
      hint: 'octet fleet deploy DEVICE MODEL --repository FOLDER, or "repository" in ~/.config/octet/fleet.json',
    });
  const isFolder = existsSync(place);
  const rootFile = root ?? site.repository?.rootFile ?? (isFolder ? join(place, 'metadata', '1.root.json') : undefined);
  if (rootFile === undefined)
    throw new OctetError('USAGE', `--root: expected the pinned first root of ${place}, got none`, {
      hint: 'It is the file that devices pin: 1.root.json',
    });
  const url = isFolder ? pathToFileURL(`${resolve(place)}/`).href : place;
  const { digest } = await pullModel({ url, rootFile, target, storeFolder: cacheFolder(), clock: systemClock });
  return digest;
}

function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'octet', 'models');
}
