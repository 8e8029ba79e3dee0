/** The models that come with Octet, as model folders, and the recordings of the sensor that they were made for. */
import { join } from 'node:path';
import { OctetError } from '../runtime/base/errors.ts';
import { programRoot } from '../runtime/base/files.ts';

/** Model → the model whose folder holds its recordings: models of one sensor share them. The first is what the demo takes. */
const recordingsOf = {
  'watch-exercise': 'watch-exercise',
  'watch-exercise-lstm': 'watch-exercise',
} as const satisfies Record<string, string>;

export type BundledModel = keyof typeof recordingsOf;
export const bundledModels = Object.keys(recordingsOf) as readonly BundledModel[];

/** The model folder of a bundled model. @throws TARGET_NOT_FOUND */
export function bundledFolder(name: string): string {
  if ((bundledModels as readonly string[]).includes(name)) return join(programRoot(), 'models', 'bundled', name);
  throw new OctetError('TARGET_NOT_FOUND', `bundled model: expected ${bundledModels.join(', ')}, got ${name}`, {
    hint: 'Name one of them, or a model folder of your own.',
  });
}

/** Real sensor data for a bundled model: recording folders, and `split.json`, which names the people of each part. */
export function bundledRecordings(name: BundledModel): string {
  return join(bundledFolder(recordingsOf[name]), 'recordings');
}
