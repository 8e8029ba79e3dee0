/**
 * What the device's twin and its jobs ask of a slot's deployment, and what they hear back: the one border between who takes
 * orders (verified, counted, remembered) and who carries them out (stored, measured, rolled back).
 */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { State } from '../protocol/messages.ts';

/** How carefully a model is let in. What is absent is decided by the device. */
export type DeployPolicy = {
  /** The model's version may be lower than that of the active one of the same name. @default false: refused as ORDER_DOWNGRADE */
  readonly allowDowngrade?: boolean | undefined;
  /** Share of windows that the new model decides beside the active one before it takes over, 0 (none) to 1. */
  readonly shadowShare?: number | undefined;
  /** Decisions to compare before it takes over; 0: no shadowing. */
  readonly shadowWindows?: number | undefined;
  /** Share of compared decisions that may differ from float32's. */
  readonly maxDisagreement?: number | undefined;
  /** It must stay healthy for so long before the deployment has succeeded, milliseconds. */
  readonly confirmMs?: number | undefined;
};

type Ordered = {
  readonly slot: string;
  /** Of the job that asks for it; `desired-7-main` for what the desired document of version 7 wants in slot `main`. */
  readonly jobId: string;
  /** Milliseconds on the monotonic clock from the moment it is accepted; then `timed_out`, and what ran before runs. */
  readonly deadlineMs?: number | undefined;
};

/** Bring a model into a slot. A second order for the same slot supersedes the first, which ends as `cancelled`. */
export type DeployOrder = Ordered & {
  readonly kind: 'deploy';
  /** The model's name in the repository, or `name@version`. */
  readonly target: string;
  /** SHA-256 of its manifest: what the repository gives under `target` must be this, else the order is `rejected`. */
  readonly digest: string;
  readonly policy?: DeployPolicy | undefined;
};

/** Record, build and measure anew for the model that is in the slot; the policy of its deployment goes on to hold. */
export type RecalibrateOrder = Ordered & { readonly kind: 'recalibrate' };

/** Go back to the deployment before, in one step. */
export type RollBackOrder = Ordered & { readonly kind: 'rollback' };

export type SlotOrder = DeployOrder | RecalibrateOrder | RollBackOrder;

/** How far an order has come. Said on every change of state, and on progress within one. */
export type OrderProgress = {
  readonly slot: string;
  readonly jobId: string;
  readonly state: State;
  /** Within the state, 0 to 1, and what is going on in words. */
  readonly progress: number;
  readonly detail: string;
  /** Why it ended as it did, for every end but `succeeded`. */
  readonly error: ErrorRecord | null;
};

/**
 * One slot's deployment, as it looks to whoever gives orders. Giving the same order (the same `jobId`) twice only says its
 * progress again: after a restart, orders are given again until they have settled. Another `jobId` is another attempt.
 */
export type OrderTaker = {
  readonly slot: string;
  give(order: SlotOrder): void;
  /** Ends what is under way: dropped before activation, rolled back after. Of another job than `jobId`: nothing. */
  cancel(jobId?: string): void;
};
