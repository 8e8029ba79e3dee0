/**
 * Whose orders the device obeys. The file that the configuration names is pinned when the device is set up; from then on
 * signed orders add and remove keys, and the store remembers. A file that somebody with access to the device has changed
 * since begins the ring anew: who can write there owns the device anyway.
 */
import { createHash } from 'node:crypto';
import { sha256Of } from '../../runtime/base/files.ts';
import { readJson } from '../../runtime/base/json.ts';
import { type JobArgs, type OperatorKey, operatorKeysSchema } from '../protocol/orders.ts';
import type { Store } from '../store/open-store.ts';

/** What is stored. */
type Ring = { readonly pinned: string; readonly keys: readonly OperatorKey[] };

export type Rotation =
  | { readonly ok: true; readonly keys: readonly OperatorKey[] }
  | { readonly ok: false; readonly reason: string };

/** @throws FILE_NOT_FOUND, CONFIG_INVALID naming what is no key. */
export async function readOperatorKeys(path: string): Promise<readonly OperatorKey[]> {
  const { keys } = await readJson(path, checkedKeysSchema, {
    code: 'CONFIG_INVALID',
    what: `operator keys ${path}`,
    hint: 'Make the file with: octet fleet keys --public',
  });
  return keys;
}

export const checkedKeysSchema = operatorKeysSchema.refine(({ keys }) => keys.every(isNamedRight), {
  message: 'expected kid to be the RFC 7638 thumbprint of the key',
});

/** RFC 7638 §3.2: the SHA-256 of the required members in their lexicographic order. */
export function thumbprintOf(x: string): string {
  return createHash('sha256')
    .update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }))
    .digest('base64url');
}

function isNamedRight({ kid, x }: OperatorKey): boolean {
  return kid === thumbprintOf(x);
}

/** The keys after a rotation. Pure. Never below one: a device that obeys nobody could never be told otherwise. */
export function rotateKeys(keys: readonly OperatorKey[], { add, remove }: JobArgs<'rotate-keys'>): Rotation {
  const wrong = add.find((key) => !isNamedRight(key));
  if (wrong) return { ok: false, reason: `kid: expected the thumbprint of the key, got ${wrong.kid}` };
  const unknown = remove.find((kid) => ![...keys, ...add].some((key) => key.kid === kid));
  if (unknown !== undefined) return { ok: false, reason: `remove: expected a key of the device, got ${unknown}` };
  const added = add.filter(({ kid }) => !keys.some((key) => key.kid === kid));
  const left = [...keys, ...added].filter(({ kid }) => !remove.includes(kid));
  if (left.length === 0) return { ok: false, reason: 'expected at least one key to be left, got none' };
  if (left.length > 32) return { ok: false, reason: `expected at most 32 keys, got ${left.length}` };
  return { ok: true, keys: left };
}

export class KeyRing {
  readonly #store: Store;
  #ring: Ring;

  /** @param pinned from the file; empty: no orders are obeyed. */
  constructor(store: Store, pinned: readonly OperatorKey[]) {
    this.#store = store;
    const digest = sha256Of(JSON.stringify(pinned));
    const stored = store.documents.get('operator-keys');
    const known = stored === undefined ? undefined : (JSON.parse(stored) as Ring);
    this.#ring = known?.pinned === digest ? known : { pinned: digest, keys: pinned };
    if (this.#ring !== known && pinned.length > 0) store.stateTransaction(() => this.#put());
  }

  get keys(): readonly OperatorKey[] {
    return this.#ring.keys;
  }

  find(kid: string): OperatorKey | undefined {
    return this.#ring.keys.find((key) => key.kid === kid);
  }

  /** Stores the keys; to be called inside a transaction, and `reload`ed should that fail. */
  replace(keys: readonly OperatorKey[]): void {
    this.#ring = { ...this.#ring, keys };
    this.#put();
  }

  #put(): void {
    this.#store.documents.put('operator-keys', JSON.stringify(this.#ring));
  }
}
