/** Living with a model: what happens to it after it has succeeded, decided by the device alone and offline. */
import { calibrateAnew, configuredOrder } from './begin.ts';
import { runActive } from './end.ts';
import type { Effect, Stepped } from './events.ts';
import { type DeploymentState, isSettled } from './state.ts';

/** The data has become other than what `sha256` was calibrated with: it is calibrated anew, shadowed and switched. */
export function recalibrate(state: DeploymentState, sha256: string, evidence: string): Stepped {
  const { active, demotedFrom, order } = state;
  const isStill = active?.sha256 === sha256 && active.variant !== 'float32' && demotedFrom === null;
  if (!isSettled(state) || !isStill) return [state, []];
  const because = {
    ...(order ?? configuredOrder(state)),
    kind: 'recalibrate' as const,
    jobId: null,
    because: evidence,
  };
  const [next, effects] = calibrateAnew(state, because);
  return [next, [warn('drift', evidence), ...effects]];
}

/** Puts the coolest variant in the active one's place, while the heat lasts. */
export function demote(state: DeploymentState, evidence: string): Stepped {
  const { active, demotedFrom, alternatives } = state;
  if (!isSettled(state) || active === null || demotedFrom !== null) return [state, []];
  const [cooler] = alternatives.filter(({ model }) => model.digest === active.model.digest);
  if (cooler === undefined || cooler.sha256 === active.sha256)
    return [state, [warn('strained', `${evidence}; ${active.variant} is the coolest variant there is`)]];
  const next = { ...state, active: cooler, demotedFrom: active };
  return [
    next,
    [...runActive(next), warn('demoted', `${evidence}; ${cooler.variant} runs in place of ${active.variant}`)],
  ];
}

/** Back to what was chosen. */
export function promote(state: DeploymentState, evidence: string): Stepped {
  const { active, demotedFrom } = state;
  if (!isSettled(state) || demotedFrom === null) return [state, []];
  const next = { ...state, active: demotedFrom, demotedFrom: null };
  const text = `${evidence}; ${demotedFrom.variant} runs again, ${active?.variant} does not`;
  return [next, [...runActive(next), { kind: 'announce', type: 'promoted', severity: 'info', text }]];
}

function warn(type: string, text: string): Effect {
  return { kind: 'announce', type, severity: 'warning', text };
}
