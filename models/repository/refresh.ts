/**
 * `octet models refresh`: signs the timestamp again, and each other role that nears its expiry, so that devices keep
 * accepting an unchanged repository. Meant to run from a timer on a machine that holds only the timestamp and snapshot keys.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import { type RoleName, roles } from './layout.ts';
import { openRepository, type Repository } from './open.ts';
import { planRelease, writeRelease } from './release.ts';

export type RefreshResult = {
  /** Roles that were signed again, with their new version. */
  readonly renewed: readonly { readonly role: RoleName; readonly version: number }[];
  /** Roles that near their expiry but whose keys are not at hand. */
  readonly postponed: readonly { readonly role: RoleName; readonly expires: string }[];
};

/** Renew when less than this share of a role's life is left: a monthly timer then meets a 90-day snapshot in time. */
const shareLeft = 1 / 3;

/** @throws REPOSITORY_INVALID, SIGNATURE_INVALID, DISK_FULL, WRITE_FAILED */
export async function refreshRepository(
  folder: string,
  { keysFolder, clock }: { readonly keysFolder?: string; readonly clock: Clock },
): Promise<RefreshResult> {
  const repository = await openRepository(folder, keysFolder);
  const due = dueRoles(repository, clock.wallMs());
  const possible = due.filter((role) => canSign(repository, role));
  const plan = planRelease(repository, { roles: new Set(possible), nowMs: clock.wallMs() });
  await writeRelease(folder, plan);
  return {
    renewed: plan.map(({ role, version }) => ({ role, version })),
    postponed: due
      .filter((role) => !possible.includes(role))
      .map((role) => ({ role, expires: repository[role].expires })),
  };
}

/** Roles, the timestamp aside, of whose life less than a third is left. */
export function dueRoles({ settings, ...signed }: Pick<Repository, RoleName | 'settings'>, nowMs: number): RoleName[] {
  const isDue = (role: RoleName) =>
    Date.parse(signed[role].expires) - nowMs < settings.expiryDays[role] * 86_400_000 * shareLeft;
  return roles.filter((role) => role !== 'timestamp' && isDue(role));
}

function canSign({ root, signers }: Repository, role: RoleName): boolean {
  const { keyIDs, threshold } = root.roles[role]!;
  return signers.filter(({ key }) => keyIDs.includes(key.keyID)).length >= threshold;
}
