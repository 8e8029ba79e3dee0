/** What can happen to a deployment, and what is to be done about it. */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { VariantRow } from '../../runtime/select/selection.ts';
import type { SlotOrder } from '../orders/order.ts';
import type { Choice, DeploymentState, ModelRef, Runnable } from './state.ts';

export type DeploymentEvent =
  /** The agent has started; `target` is what its configuration names, null where only orders say. */
  | { readonly kind: 'started'; readonly settings: string; readonly target: string | null }
  | { readonly kind: 'ordered'; readonly order: SlotOrder }
  /** Of another job than `jobId`: void. */
  | { readonly kind: 'cancelled'; readonly jobId: string | null }
  /** Nothing speaks against it. */
  | { readonly kind: 'admitted' }
  /** It will not be tried. */
  | { readonly kind: 'refused'; readonly error: ErrorRecord }
  /** The wall clock can be believed: signatures that expire can be judged. */
  | { readonly kind: 'clockSet' }
  | { readonly kind: 'pulled'; readonly model: ModelRef }
  | { readonly kind: 'pullFailed'; readonly error: ErrorRecord; readonly isTransient: boolean }
  /** Every file of the model is what the manifest says. `known`: selected before under the same settings. */
  | {
      readonly kind: 'verified';
      readonly float32: Runnable;
      readonly known: Choice | null;
      /** What the active runner sees is recorded, rather than a source of its own. */
      readonly recordsLive: boolean;
      /** A recording of windows from the sensor's life, enough to calibrate with. */
      readonly kept: string | null;
    }
  | { readonly kind: 'recorded'; readonly folder: string }
  /** Variants are built; trials begin. */
  | { readonly kind: 'trialsBegan' }
  | { readonly kind: 'selected'; readonly choice: Choice }
  /** Beside the active one, the candidate decided as float32 does, as far as that was seen. */
  | { readonly kind: 'shadowed'; readonly evidence: string }
  /** It decides otherwise than float32 more often than its budget allows, or does not keep up with the sensor. */
  | { readonly kind: 'misbehaved'; readonly sha256: string; readonly error: ErrorRecord }
  /** The candidate has loaded and runs in place of what ran. */
  | { readonly kind: 'activated' }
  | { readonly kind: 'healthy' }
  /** The candidate did not load, or did not stay up. */
  | { readonly kind: 'unhealthy'; readonly error: ErrorRecord }
  /** What runs does not stay up. */
  | { readonly kind: 'crashLoop'; readonly sha256: string; readonly error: ErrorRecord }
  /** The deadline has passed. */
  | { readonly kind: 'overdue' }
  /** The sensor's data has been other than what `sha256` was calibrated with, for long. */
  | { readonly kind: 'drifted'; readonly sha256: string; readonly evidence: string }
  /** The board has been too hot, or short of power, for long; or not any more, for longer. */
  | { readonly kind: 'strained'; readonly evidence: string }
  | { readonly kind: 'relieved'; readonly evidence: string }
  /** The model's folder is gone or damaged: nothing can run from it. */
  | { readonly kind: 'modelLost'; readonly error: ErrorRecord }
  /** Verifying, recording or selecting failed. */
  | { readonly kind: 'failed'; readonly error: ErrorRecord };

/** What is to be done; doing it twice does no harm. */
export type Effect =
  /** Is there anything against this order? */
  | { readonly kind: 'admit' }
  | { readonly kind: 'awaitClock' }
  /** `again`: after a growing pause. `later`: now and then, for what may be newer than what runs. */
  | { readonly kind: 'pull'; readonly when: 'now' | 'again' | 'later' }
  | { readonly kind: 'verify'; readonly model: ModelRef }
  /** Runs it, recording what it sees when asked to. */
  | { readonly kind: 'run'; readonly runnable: Runnable; readonly isRecording: boolean }
  /** Records from the calibration source with a runner of its own. */
  | { readonly kind: 'record'; readonly runnable: Runnable }
  | { readonly kind: 'select'; readonly model: ModelRef; readonly recording: string }
  /** Lets it decide beside the active one, without consequences. */
  | { readonly kind: 'shadow'; readonly runnable: Runnable }
  | { readonly kind: 'activate'; readonly runnable: Runnable }
  | { readonly kind: 'confirm'; readonly runnable: Runnable }
  | { readonly kind: 'publishTrials'; readonly model: ModelRef; readonly trials: readonly VariantRow[] }
  /** Says again, or for the last time, how an order stands. */
  | { readonly kind: 'report'; readonly what: 'current' | 'ended' }
  /** Recordings of calibrations that are over go. */
  | { readonly kind: 'tidy' }
  | {
      readonly kind: 'announce';
      readonly type: string;
      readonly severity: 'info' | 'warning' | 'error';
      readonly text: string;
    };

export type Stepped = readonly [DeploymentState, readonly Effect[]];
