/** What is stored of one slot's deployment: a plain record, JSON as it is. */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { InputProfile } from '../../runtime/infer/input-profile.ts';
import type { VariantRow } from '../../runtime/select/selection.ts';
import type { DeployPolicy } from '../orders/order.ts';
import type { State } from '../protocol/messages.ts';

/** A model in the store. */
export type ModelRef = {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of its manifest. */
  readonly digest: string;
  readonly folder: string;
};

/** A file that a runner can run: the model itself, or a variant of it. */
export type Runnable = {
  readonly model: ModelRef;
  /** `float32`, `static-int8-minmax`, … */
  readonly variant: string;
  readonly sha256: string;
  readonly path: string;
  /** Why this one, in a sentence. */
  readonly verdict: string;
  /** What its inputs looked like when it was calibrated; absent where that was not measured. */
  readonly profile?: InputProfile;
};

/** What is being carried out, or was last. Without `digest` it is the local configuration that asks for the newest. */
export type CurrentOrder = {
  readonly kind: 'deploy' | 'recalibrate' | 'rollback';
  readonly target: string;
  readonly digest: string | null;
  readonly policy: DeployPolicy;
  readonly jobId: string | null;
  /** Why the device asked for it by itself, in a sentence; null when it was asked. */
  readonly because: string | null;
};

/** Last words about an order that was superseded, kept so that they are said even after a power cut. */
export type Ended = { readonly jobId: string; readonly state: State; readonly error: ErrorRecord | null };

export type DeploymentState = {
  readonly phase: State;
  readonly sinceMs: number;
  /** Fingerprint of the settings that a selection depends on. */
  readonly settings: string;
  readonly order: CurrentOrder | null;
  /** Counts what was begun and what was ended: news of an earlier run are void. */
  readonly run: number;
  /** What the deadline leaves, milliseconds of the monotonic clock; time without power does not count. Null: no deadline. */
  readonly leftMs: number | null;
  /** What is being deployed, or was deployed last. */
  readonly model: ModelRef | null;
  /** What runs. */
  readonly active: Runnable | null;
  /** What ran before, and is gone back to when `active` does not stay up. */
  readonly previous: Runnable | null;
  /** What is being activated. */
  readonly candidate: Runnable | null;
  /** What runs again when the heat is over; null while nothing is demoted. */
  readonly demotedFrom: Runnable | null;
  /** A complete recording for `model`, ready to calibrate with. */
  readonly recording: string | null;
  /** Counts calibrations of this slot: each has a recording of its own. */
  readonly generation: number;
  readonly trials: readonly VariantRow[];
  /** Variants within the accuracy budget, the one that needs the least processor time first. */
  readonly alternatives: readonly Runnable[];
  /** Starts of the agent in the middle of an activation: one that takes the device down must not be tried for ever. */
  readonly attempts: number;
  readonly ended: Ended | null;
  readonly error: ErrorRecord | null;
};

/** What a selection came to. */
export type Choice = {
  readonly runnable: Runnable;
  readonly trials: readonly VariantRow[];
  readonly alternatives?: readonly Runnable[];
};

export const initialState: DeploymentState = {
  phase: 'queued',
  sinceMs: 0,
  settings: '',
  order: null,
  run: 0,
  leftMs: null,
  model: null,
  active: null,
  previous: null,
  candidate: null,
  demotedFrom: null,
  recording: null,
  generation: 0,
  trials: [],
  alternatives: [],
  attempts: 0,
  ended: null,
  error: null,
};

/** Phases in which nothing is under way. */
const settled: readonly State[] = ['succeeded', 'failed', 'rejected', 'cancelled', 'timed_out', 'rolled_back'];

export function isSettled({ phase }: Pick<DeploymentState, 'phase'>): boolean {
  return settled.includes(phase);
}

export function enter(state: DeploymentState, phase: DeploymentState['phase']): DeploymentState {
  return { ...state, phase, error: null };
}
