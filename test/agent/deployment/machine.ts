/** Models, variants and the news of a deployment that goes well, for tests of the machine. */
import type { DeploymentEvent } from '../../../agent/deployment/events.ts';
import type { Choice, ModelRef, Runnable } from '../../../agent/deployment/state.ts';

export const model: ModelRef = { name: 'm', version: '1.0.0', digest: 'd1', folder: '/models/d1' };
export const newer: ModelRef = { name: 'm', version: '1.1.0', digest: 'd2', folder: '/models/d2' };

export const runnable = (variant: string, of = model): Runnable => ({
  ...{ model: of, variant, sha256: `${variant}-${of.digest}`, path: `/${variant}`, verdict: 'because' },
});

export const float32 = runnable('float32');
export const int8 = runnable('static-int8');
export const int8Newer = runnable('static-int8', newer);
export const choice: Choice = { runnable: int8, trials: [] };
export const error = { code: 'CHILD_FAILED', message: 'it died' } as const;

export const started: Extract<DeploymentEvent, { kind: 'started' }> = { kind: 'started', settings: 's', target: 'm' };

export const verified = (of: ModelRef): Extract<DeploymentEvent, { kind: 'verified' }> => ({
  ...{ kind: 'verified', float32: runnable('float32', of), known: null, recordsLive: false, kept: null },
});

/** All that happens until `of` runs as `chosen` and is watched, and until that has succeeded. */
export function deployed(of: ModelRef, chosen: Choice, first: DeploymentEvent = started) {
  const toConfirming: readonly DeploymentEvent[] = [
    first,
    { kind: 'admitted' },
    { kind: 'clockSet' },
    { kind: 'pulled', model: of },
    verified(of),
    { kind: 'recorded', folder: '/recording' },
    { kind: 'trialsBegan' },
    { kind: 'selected', choice: chosen },
    { kind: 'shadowed', evidence: 'as float32' },
    { kind: 'activated' },
  ];
  return { toConfirming, toSucceeded: [...toConfirming, { kind: 'healthy' } as const] };
}
