/**
 * `octet models rotate`: gives a role new keys, by a new root that the present root keys sign. Devices follow at their next pull, and from
 * then on refuse what the old keys sign; so this is also the answer to a key that was lost or stolen (TUF §6.1).
 */
import { readdir, rm } from 'node:fs/promises';
import { Root } from '@tufjs/models';
import type { JSONObject } from '@tufjs/models/dist/utils/types.js';
import type { Clock } from '../../runtime/base/clock.ts';
import { checkPlan, type KeyPlan } from './create.ts';
import { createKey, type Signer } from './keys.ts';
import type { RoleName } from './layout.ts';
import type { SignedFile } from './metadata.ts';
import { openRepository, type Repository } from './open.ts';
import { planRelease, writeRelease } from './release.ts';

export type RotateOptions = {
  readonly role: RoleName;
  /** As many as the role has now when absent. */
  readonly plan?: KeyPlan;
  readonly keysFolder?: string;
  readonly clock: Clock;
};

export type RotateResult = {
  readonly role: RoleName;
  readonly rootVersion: number;
  /** Private key files: the new ones, and those at hand that nothing accepts any more. */
  readonly newKeys: readonly string[];
  readonly retiredKeys: readonly string[];
};

/**
 * @throws REPOSITORY_INVALID when the root keys are not at hand (for `root`: the present ones, which vouch for the new ones), or those of a
 * role that has to be signed again; USAGE for an impossible plan. What is published stays as it was.
 */
export async function rotateKeys(folder: string, options: RotateOptions): Promise<RotateResult> {
  const { role, keysFolder, clock } = options;
  const repository = await openRepository(folder, keysFolder);
  const present = repository.root.roles[role]!;
  const plan = checkPlan(role, options.plan ?? { keys: present.keyIDs.length, threshold: present.threshold });
  const added = await createKeys(repository.keysFolder, role, plan.keys);
  const root = rootWith(repository.root, role, added, plan.threshold);
  const files = await plannedOrUndone({ repository, role, root, added, nowMs: clock.wallMs() });
  await writeRelease(folder, files);
  const retiredKeys = repository.signers.filter(({ key }) => !root.keys[key.keyID]).map(({ path }) => path);
  return { role, rootVersion: files[0]!.version, newKeys: added.map(({ path }) => path), retiredKeys };
}

type Rotation = {
  readonly repository: Repository;
  readonly role: RoleName;
  readonly root: Root;
  readonly added: readonly Signer[];
  readonly nowMs: number;
};

/** Keys that came to sign nothing are not kept: nobody would know what they are for. */
async function plannedOrUndone({ repository, role, root, added, nowMs }: Rotation): Promise<SignedFile[]> {
  // The timestamp is part of every release.
  const roles = new Set<RoleName>(['root', ...(role === 'timestamp' ? [] : [role])]);
  const signers = [...repository.signers, ...added];
  try {
    return planRelease({ ...repository, signers }, { roles, root, nowMs });
  } catch (error) {
    for (const { path } of added) await rm(path);
    throw error;
  }
}

async function createKeys(folder: string, role: RoleName, count: number): Promise<Signer[]> {
  const numbers = (await readdir(folder)).map((name) =>
    Number(new RegExp(`^${role}-(\\d+)\\.pem$`).exec(name)?.[1] ?? 0),
  );
  const last = Math.max(0, ...numbers);
  const signers: Signer[] = [];
  for (let number = last + 1; number <= last + count; number++)
    signers.push(await createKey(folder, `${role}-${number}`));
  return signers;
}

/** The present root with other keys for one role; keys that no role names any more are left out. */
function rootWith(root: Repository['root'], role: RoleName, signers: readonly Signer[], threshold: number): Root {
  const json = root.toJSON() as { keys: Record<string, JSONObject>; roles: Record<string, { keyids: string[] }> };
  const roles = { ...json.roles, [role]: { keyids: signers.map(({ key }) => key.keyID), threshold } };
  const used = new Set(Object.values(roles).flatMap(({ keyids }) => keyids));
  const all: Record<string, JSONObject> = {
    ...json.keys,
    ...Object.fromEntries(signers.map(({ key }) => [key.keyID, key.toJSON()])),
  };
  const keys = Object.fromEntries(Object.entries(all).filter(([id]) => used.has(id)));
  return Root.fromJSON({ ...json, roles, keys });
}
