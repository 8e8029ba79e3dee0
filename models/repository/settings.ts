/**
 * The operator's private notes beside the keys: how long each role's signature lasts, and what has been added but not
 * yet published. They are kept out of the published folder because the next publication signs what they say.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { systemCodeOf } from '../../runtime/base/errors.ts';
import { writeFileAtomic } from '../../runtime/base/files.ts';
import { readJson } from '../../runtime/base/json.ts';

const days = z.number().positive().max(36_500);

const settingsSchema = z.strictObject({
  format: z.literal(1),
  /** Days from signing to expiry, by role. */
  expiryDays: z.strictObject({ root: days, targets: days, snapshot: days, timestamp: days }),
});

export type Settings = z.output<typeof settingsSchema>;
export type ExpiryDays = Settings['expiryDays'];

/**
 * The timestamp's life bounds how long a repository frozen by an attacker goes unnoticed, and how often the operator
 * must refresh; root and targets keys can stay offline for a year.
 */
export const defaultExpiryDays: ExpiryDays = { root: 730, targets: 365, snapshot: 90, timestamp: 30 };

const targetSchema = z.strictObject({ length: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const pendingSchema = z.strictObject({ format: z.literal(1), targets: z.record(z.string(), targetSchema) });

/** Target path → length in bytes and digest. */
export type PendingTargets = z.output<typeof pendingSchema>['targets'];

/** @throws REPOSITORY_INVALID, FILE_NOT_FOUND */
export function readSettings(keysFolder: string): Promise<Settings> {
  const path = join(keysFolder, 'settings.json');
  return readJson(path, settingsSchema, {
    code: 'REPOSITORY_INVALID',
    what: `repository settings ${path}`,
    hint: 'Each role needs its days from signing to expiry, for example "timestamp": 30.',
  });
}

export function writeSettings(keysFolder: string, settings: Settings): Promise<void> {
  return writeFileAtomic(join(keysFolder, 'settings.json'), toText(settings));
}

/** What was added since the last publication; nothing when the file is missing. @throws REPOSITORY_INVALID */
export async function readPending(keysFolder: string): Promise<PendingTargets> {
  const path = join(keysFolder, 'pending.json');
  try {
    const pending = await readJson(path, pendingSchema, {
      code: 'REPOSITORY_INVALID',
      what: `pending additions ${path}`,
      hint: 'Delete the file and add the models again: octet models add',
    });
    return pending.targets;
  } catch (error) {
    // Before the first `add` there is no such file.
    if (error instanceof Error && systemCodeOf(error.cause) === 'ENOENT') return {};
    throw error;
  }
}

export function writePending(keysFolder: string, targets: PendingTargets): Promise<void> {
  return writeFileAtomic(join(keysFolder, 'pending.json'), toText({ format: 1, targets }));
}

function toText(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
