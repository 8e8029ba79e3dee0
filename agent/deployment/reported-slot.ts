/** A slot's deployment as `reported` shows it. */
import type { Reported } from '../protocol/messages.ts';
import type { DeploymentState } from './state.ts';

export function reportedSlot(
  slot: string,
  { phase, active, trials, error, sinceMs }: DeploymentState,
  progress: { readonly fraction: number; readonly detail: string },
): Reported['slots'][number] {
  return {
    slot,
    state: phase,
    progress: progress.fraction,
    detail: progress.detail,
    since: sinceMs,
    active: active && {
      model: active.model.name,
      version: active.model.version,
      variant: active.variant,
      sha256: active.sha256,
      verdict: active.verdict,
    },
    trials: [...trials],
    error: error && { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) },
  };
}
