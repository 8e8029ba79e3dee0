/** `octet models init`: makes the keys and an empty, valid repository. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../runtime/base/clock.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import { writeFileAtomic } from '../../runtime/base/files.ts';
import { createKey, type Signer } from './keys.ts';
import { keysFolderOf, metadataFolder, type RoleName, roles, targetsFolder } from './layout.ts';
import { expiryAfter, firstRoot, type SignedFile, signRole, snapshotOf, targetsOf, timestampOf } from './metadata.ts';
import { trustedRootFile } from './open.ts';
import { writeRelease } from './release.ts';
import { defaultExpiryDays, type ExpiryDays, writeSettings } from './settings.ts';

/** How many keys a role has, and how many of them must sign. */
export type KeyPlan = { readonly keys: number; readonly threshold: number };

export type InitOptions = {
  /** Where the private keys go; `<folder>.keys` when absent. Never inside the published folder. */
  readonly keysFolder?: string;
  readonly clock: Clock;
  /** Days from signing to expiry; `defaultExpiryDays` for roles that are left out. */
  readonly expiryDays?: Partial<ExpiryDays>;
  /** One key and a threshold of one for roles that are left out. */
  readonly keyPlans?: Partial<Record<RoleName, KeyPlan>>;
};

export type InitResult = {
  readonly folder: string;
  readonly keysFolder: string;
  /** The file that devices pin: `repository.rootFile` of the agent's configuration. */
  readonly rootFile: string;
};

/** @throws USAGE when either folder already holds something, WRITE_FAILED, DISK_FULL */
export async function initRepository(
  folder: string,
  { clock, keyPlans = {}, ...options }: InitOptions,
): Promise<InitResult> {
  const keysFolder = keysFolderOf(folder, options.keysFolder);
  const expiryDays = { ...defaultExpiryDays, ...options.expiryDays };
  await requireEmpty(join(folder, metadataFolder));
  await requireEmpty(keysFolder);
  const plans = Object.fromEntries(roles.map((role) => [role, checkPlan(role, keyPlans[role])])) as Record<
    RoleName,
    KeyPlan
  >;
  const files = firstRelease(await createKeys(keysFolder, plans), plans, expiryDays, clock.wallMs());
  await writeSettings(keysFolder, { format: 1, expiryDays });
  await writeFileAtomic(join(keysFolder, trustedRootFile), files[0]!.bytes);
  await mkdir(join(folder, targetsFolder), { recursive: true });
  await writeRelease(folder, files);
  return { folder, keysFolder, rootFile: join(folder, metadataFolder, trustedRootFile) };
}

type KeysByRole = Record<RoleName, Signer[]>;

async function createKeys(keysFolder: string, plans: Record<RoleName, KeyPlan>): Promise<KeysByRole> {
  const signers: KeysByRole = { root: [], targets: [], snapshot: [], timestamp: [] };
  for (const role of roles)
    for (let number = 1; number <= plans[role].keys; number++)
      signers[role].push(await createKey(keysFolder, `${role}-${number}`));
  return signers;
}

/** Root, empty targets, snapshot, timestamp, all of version 1. */
function firstRelease(
  signers: KeysByRole,
  plans: Record<RoleName, KeyPlan>,
  expiryDays: ExpiryDays,
  nowMs: number,
): SignedFile[] {
  const expires = (role: RoleName) => expiryAfter(nowMs, expiryDays[role]);
  const thresholds = Object.fromEntries(roles.map((role) => [role, plans[role].threshold])) as Record<RoleName, number>;
  const root = firstRoot(signers, thresholds, expires('root'));
  const all = Object.values(signers).flat();
  const targets = signRole(targetsOf([], 1, expires('targets')), root, all);
  const snapshot = signRole(snapshotOf(targets, 1, expires('snapshot')), root, all);
  const timestamp = signRole(timestampOf(snapshot, 1, expires('timestamp')), root, all);
  return [signRole(root, root, all), targets, snapshot, timestamp];
}

/** @throws USAGE when more keys must sign than there are. */
export function checkPlan(role: RoleName, plan: KeyPlan = { keys: 1, threshold: 1 }): KeyPlan {
  if (plan.threshold >= 1 && plan.keys >= plan.threshold) return plan;
  throw new OctetError(
    'USAGE',
    `${role}: expected at least as many keys as its threshold, got ${plan.threshold} of ${plan.keys}`,
    {
      hint: 'Say how many keys must sign out of how many there are, for example --root-keys 2/3.',
    },
  );
}

async function requireEmpty(folder: string): Promise<void> {
  // A folder that cannot be listed is not there yet; if it cannot be made either, writing into it says so.
  const names = await readdir(folder).catch(() => []);
  if (names.length > 0)
    throw new OctetError('USAGE', `${folder}: expected an empty or absent folder, got ${names.length} files`, {
      hint: 'It holds a repository or its keys already; name another folder. If an init was cut off before, delete what it left first.',
    });
}
