/** The models that come with Octet, as model folders. */
import { join } from 'node:path';
import { OctetError } from '../runtime/base/errors.ts';
import { programRoot } from '../runtime/base/files.ts';

export const bundledModels = ['watch-exercise'] as const;
export type BundledModel = (typeof bundledModels)[number];

/** The model folder of a bundled model; its `recordings/` hold real sensor data. @throws TARGET_NOT_FOUND */
export function bundledFolder(name: string): string {
  if ((bundledModels as readonly string[]).includes(name)) return join(programRoot(), 'models', 'bundled', name);
  throw new OctetError('TARGET_NOT_FOUND', `bundled model: expected ${bundledModels.join(', ')}, got ${name}`, {
    hint: 'Name one of them, or a model folder of your own.',
  });
}
