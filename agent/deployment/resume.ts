/** Where to go on after a start, however the agent ended. What is active runs at once; nothing below holds it up. */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { State } from '../protocol/messages.ts';
import { begin, configuredOrder, defaultDeadlineMs } from './begin.ts';
import { lookAgain, rollBack, runActive } from './end.ts';
import type { Effect, Stepped } from './events.ts';
import { type CurrentOrder, type DeploymentState, enter, isSettled } from './state.ts';

/** An activation that was interrupted so often by the agent's end is taken for the cause of it. */
const maxAttempts = 3;

export function resume(
  state: DeploymentState,
  { settings, target }: { settings: string; target: string | null },
): Stepped {
  const reports: Effect[] = [
    ...(state.ended === null ? [] : [{ kind: 'report', what: 'ended' } as const]),
    ...(state.order?.jobId ? [{ kind: 'report', what: 'current' } as const] : []),
  ];
  const [next, effects] = goOn({ ...state, settings }, target, settings !== state.settings);
  return [next, [...runActive(next), ...reports, ...effects]];
}

function goOn(state: DeploymentState, target: string | null, areSettingsNew: boolean): Stepped {
  const { order, model, active, phase } = state;
  if (order === null && target === null) return [state, []]; // waits for an order
  const isConfigured = order === null || order.digest === null;
  if (order === null || (isConfigured && target !== null && order.target !== target))
    return begin(state, configuredOrder(state, target ?? undefined));
  // Nothing runs, and what is in the store was lost or refused: a pull finds it whole, or fetches it again.
  if (isSettled(state) && active === null) return begin(state, again(order));
  if (areSettingsNew && model !== null && active !== null) return selectAnew(state, order);
  if (isSettled(state)) return [state, lookAgain(state)];
  const interrupted = phase === 'activating' || phase === 'confirming';
  if (!interrupted) return continuing[phase]?.(state) ?? begin(state, order);
  if (state.attempts >= maxAttempts) return rollBack(state, tooOften(state.attempts));
  const counted = { ...state, attempts: state.attempts + 1 };
  return continuing[phase]?.(counted) ?? begin(state, order);
}

/** What each phase was about; null when the state does not hold what it takes. */
const continuing: Readonly<Partial<Record<State, (state: DeploymentState) => Stepped | null>>> = {
  queued: (state) => [state, [{ kind: 'admit' }]],
  accepted: (state) => [state, [{ kind: 'awaitClock' }]],
  downloading: (state) => [state, [{ kind: 'pull', when: 'now' }]],
  verifying: verify,
  calibrating: verify,
  measuring: verify,
  shadowing: (state) => state.candidate && [state, [{ kind: 'shadow', runnable: state.candidate }]],
  activating: (state) => state.candidate && [state, [{ kind: 'activate', runnable: state.candidate }]],
  confirming: (state) => state.active && [state, [{ kind: 'confirm', runnable: state.active }]],
};

function verify(state: DeploymentState): Stepped | null {
  const { model } = state;
  return model === null ? null : [enter(state, 'verifying'), [{ kind: 'verify', model }]];
}

/** The settings that a selection depends on have changed: measured again, with what is active running on. */
function selectAnew(state: DeploymentState, order: CurrentOrder): Stepped {
  const isUnderWay = !isSettled(state);
  const base = isUnderWay
    ? state
    : begin(state, { ...again(order), because: 'the settings changed' }, defaultDeadlineMs)[0];
  return verify({ ...base, candidate: null, recording: null }) ?? begin(state, again(order));
}

/** Not the job's any more: that has ended. */
function again(order: CurrentOrder): CurrentOrder {
  return { ...order, kind: 'deploy', jobId: null };
}

function tooOften(attempts: number): ErrorRecord {
  return {
    code: 'DEPLOYMENT_FAILED',
    message: `activation: expected it to finish, got ${attempts} ends of the agent in the middle of it`,
    hint: 'Look at the journal around those times: journalctl -u octet',
  };
}
