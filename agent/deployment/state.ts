/** What is stored of one slot's deployment, and what can happen to it: plain records, JSON as they are. */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { VariantRow } from '../../runtime/select/selection.ts';
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
};

export type DeploymentState = {
  readonly phase: State;
  readonly sinceMs: number;
  /** Fingerprint of the settings that a selection depends on. */
  readonly settings: string;
  /** What is being deployed, or was deployed last. */
  readonly model: ModelRef | null;
  /** What runs. */
  readonly active: Runnable | null;
  /** What ran before, and is gone back to when `active` does not stay up. */
  readonly previous: Runnable | null;
  /** What is being activated. */
  readonly candidate: Runnable | null;
  /** A complete recording for `model`, ready to calibrate with. */
  readonly recording: string | null;
  readonly trials: readonly VariantRow[];
  /** Starts of the agent in the middle of an activation: one that takes the device down must not be tried for ever. */
  readonly attempts: number;
  readonly error: ErrorRecord | null;
};

/** What a selection came to. */
export type Choice = { readonly runnable: Runnable; readonly trials: readonly VariantRow[] };

export type DeploymentEvent =
  /** The agent has started. */
  | { readonly kind: 'started'; readonly settings: string }
  | { readonly kind: 'pulled'; readonly model: ModelRef }
  | { readonly kind: 'pullFailed'; readonly error: ErrorRecord; readonly isTransient: boolean }
  /** Every file of the model is what the manifest says. `known`: selected before under the same settings. */
  | {
      readonly kind: 'verified';
      readonly float32: Runnable;
      readonly known: Choice | null;
      /** The live source is recorded, rather than one of its own. */
      readonly recordsLive: boolean;
    }
  | { readonly kind: 'recorded'; readonly folder: string }
  /** Variants are built; trials begin. */
  | { readonly kind: 'trialsBegan' }
  | { readonly kind: 'selected'; readonly choice: Choice }
  /** The candidate has loaded and runs in place of what ran. */
  | { readonly kind: 'activated' }
  | { readonly kind: 'healthy' }
  /** The candidate did not load, or did not stay up. */
  | { readonly kind: 'unhealthy'; readonly error: ErrorRecord }
  /** What runs does not stay up. */
  | { readonly kind: 'crashLoop'; readonly sha256: string; readonly error: ErrorRecord }
  /** The model's folder is gone or damaged: nothing can run from it. */
  | { readonly kind: 'modelLost'; readonly error: ErrorRecord }
  /** Verifying, recording or selecting failed. */
  | { readonly kind: 'failed'; readonly error: ErrorRecord };

/** What is to be done; doing it twice does no harm. */
export type Effect =
  /** `again`: after a growing pause. `later`: when the start is over, for what may be newer than what runs. */
  | { readonly kind: 'pull'; readonly when: 'now' | 'again' | 'later' }
  | { readonly kind: 'verify'; readonly model: ModelRef }
  /** Runs it, recording what it sees when asked to. */
  | { readonly kind: 'run'; readonly runnable: Runnable; readonly isRecording: boolean }
  /** Records from the calibration source with a runner of its own. */
  | { readonly kind: 'record'; readonly runnable: Runnable }
  | { readonly kind: 'select'; readonly model: ModelRef; readonly recording: string }
  | { readonly kind: 'activate'; readonly runnable: Runnable }
  | { readonly kind: 'confirm'; readonly runnable: Runnable }
  | { readonly kind: 'publishTrials'; readonly model: ModelRef; readonly trials: readonly VariantRow[] }
  | {
      readonly kind: 'announce';
      readonly type: string;
      readonly severity: 'info' | 'warning' | 'error';
      readonly text: string;
    };

export const initialState: DeploymentState = {
  phase: 'queued',
  sinceMs: 0,
  settings: '',
  model: null,
  active: null,
  previous: null,
  candidate: null,
  recording: null,
  trials: [],
  attempts: 0,
  error: null,
};

/** Phases in which nothing is under way. */
const settled: readonly State[] = ['succeeded', 'failed', 'rejected', 'cancelled', 'timed_out', 'rolled_back'];

export function isSettled({ phase }: Pick<DeploymentState, 'phase'>): boolean {
  return settled.includes(phase);
}
