/** Which models must stay on the device, whatever room a new one needs: those that run, may run again, or are on their way. */
import type { Store } from '../store/open-store.ts';
import type { DeploymentState } from './state.ts';

/** Manifest digests, over all slots, those of slots that the configuration names no more included. */
export function modelsInUse({ slots }: Pick<Store, 'slots'>): string[] {
  const states = slots.all().map((text) => JSON.parse(text) as DeploymentState);
  const used = states.flatMap(({ model, active, previous, candidate, demotedFrom, alternatives }) => [
    model?.digest,
    ...[active, previous, candidate, demotedFrom, ...alternatives].map((runnable) => runnable?.model.digest),
  ]);
  return [...new Set(used.filter((digest) => digest !== undefined))];
}

/** Below so many days the operator hears of it: time to carry a stick to a site without network. */
const warnDays = 14;

/** What is to be said of the repository's signatures; undefined while there is time. */
export function validityWarning(
  validUntil: { readonly role: string; readonly ms: number } | null,
  nowMs: number,
): string | undefined {
  if (validUntil === null) return undefined;
  const days = Math.floor((validUntil.ms - nowMs) / 86_400_000);
  if (days >= warnDays) return undefined;
  const until = new Date(validUntil.ms).toISOString().slice(0, 10);
  const left = days < 0 ? 'expired on' : `valid for ${days} days, until`;
  return `the repository's ${validUntil.role} is ${left} ${until}; what runs goes on, and nothing new can be pulled after that. The operator renews it: octet models refresh`;
}
