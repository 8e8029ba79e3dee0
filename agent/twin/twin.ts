/**
 * The desired half of the twin. Its document is the whole of what an operator wants; the device stores it and turns it into
 * one deploy job per slot, in the same transaction, so that states, cancelling and restarts are those of jobs. Versions only
 * grow: an older document is somebody's replay.
 */
import type { GivenJob, Jobs } from '../jobs/jobs.ts';
import { type OrderRefusal, refusal, type VerifiedOrder } from '../orders/verify.ts';
import type { Desired } from '../protocol/orders.ts';
import type { Store } from '../store/open-store.ts';

export type StoredDesired = {
  readonly version: number;
  readonly hash: string;
  readonly operator: string;
  readonly kid: string;
  readonly slots: Desired['slots'];
};

export type TwinOptions = {
  readonly store: Store;
  readonly jobs: Jobs;
};

/** The job that brings one slot to what the document of `version` says. */
export function desiredJobId(version: number, slot: string): string {
  return `desired-${version}-${slot}`;
}

/** What is to become of a document, next to the one that was obeyed last. Pure. */
export function judgeDesired(
  known: StoredDesired | undefined,
  { claims, hash }: Pick<VerifiedOrder<Desired>, 'claims' | 'hash'>,
): 'obey' | 'known' | OrderRefusal {
  const { version, slots } = claims;
  const twice = slots.find(({ slot }, at) => slots.findIndex((other) => other.slot === slot) !== at);
  if (twice) return refusal('ORDER_INVALID', `slots: expected each slot once, got ${twice.slot} twice`);
  if (known === undefined || version > known.version) return 'obey';
  if (version < known.version)
    return refusal('ORDER_REPLAYED', `version: expected above ${known.version}, got ${version}`);
  if (hash === known.hash) return 'known';
  return refusal('ORDER_CONFLICT', `version ${version}: expected what was given before under it, got another document`);
}

export class Twin {
  readonly #options: TwinOptions;
  #desired: StoredDesired | undefined;

  constructor(options: TwinOptions) {
    this.#options = options;
    const stored = options.store.documents.get('desired');
    this.#desired = stored === undefined ? undefined : (JSON.parse(stored) as StoredDesired);
  }

  /** Undefined while no operator has said anything. */
  get desired(): StoredDesired | undefined {
    return this.#desired;
  }

  /** @throws DISK_FULL: then nothing has happened. */
  obey(order: VerifiedOrder<Desired>): OrderRefusal | undefined {
    const judged = judgeDesired(this.#desired, order);
    if (judged === 'known') return undefined;
    if (judged !== 'obey') return judged;
    const { store, jobs } = this.#options;
    const { claims, hash, key } = order;
    const next = { version: claims.version, hash, operator: key.operator, kid: key.kid, slots: claims.slots };
    const begin = store.stateTransaction(() => {
      store.documents.put('desired', JSON.stringify(next));
      return jobsFrom(next).map((job) => jobs.admit(job));
    });
    this.#desired = next;
    for (const admitted of begin) if (admitted.ok) admitted.begin();
    return begin.find((admitted) => !admitted.ok);
  }
}

function jobsFrom({ version, hash, operator, kid, slots }: StoredDesired): GivenJob[] {
  return slots.map((args) => {
    // The version says whether it may come again, not a date.
    const id = desiredJobId(version, args.slot);
    return { id, hash, expiresS: null, type: 'deploy', args, operator, kid };
  });
}
