/** How a deployment ends. Whatever the end, something goes on running. */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { State } from '../protocol/messages.ts';
import type { Effect, Stepped } from './events.ts';
import { type DeploymentState, enter, isSettled } from './state.ts';

/** Ends what is under way in `phase`, with what is active running as it should: not recording, not being replaced. */
export function settle(state: DeploymentState, phase: State, error: ErrorRecord | null): Stepped {
  const { active } = state;
  const ended = { ...enter(state, phase), candidate: null, leftMs: null, attempts: 0, run: state.run + 1, error };
  const effects: Effect[] =
    error === null ? [] : [...runActive({ active }), announceError(announcedAs[phase] ?? phase, error)];
  return [ended, [...effects, ...lookAgain(ended)]];
}

export function fail(state: DeploymentState, error: ErrorRecord): Stepped {
  return settle(state, 'failed', error);
}

/** One step back, where there is one. @param phase what it is called: by itself, or because time is up. */
export function rollBack(state: DeploymentState, error: ErrorRecord, phase: State = 'rolled_back'): Stepped {
  const { active, previous, candidate, demotedFrom, alternatives } = state;
  // What heat had put in place does not work: back to what was chosen. It is not put in place again.
  if (demotedFrom !== null && isSettled(state)) {
    const others = alternatives.filter(({ sha256 }) => sha256 !== active?.sha256);
    const next = { ...state, active: demotedFrom, demotedFrom: null, alternatives: others, error };
    return [next, [...runActive(next), announceError('rollback', error)]];
  }
  // In `activating`, what ran before is still the active one.
  const back = candidate === null ? previous : active;
  if (back === null) return fail(state, error);
  const [next, effects] = settle({ ...state, active: back, demotedFrom: null }, phase, error);
  return [{ ...next, previous: candidate === null ? null : previous }, effects];
}

/** Before activation what was begun is dropped, after it what ran before runs again. */
export function cancel(state: DeploymentState, jobId: string | null): Stepped {
  if (isSettled(state) || (jobId !== null && jobId !== state.order?.jobId)) return [state, []];
  return state.phase === 'confirming' && state.previous !== null
    ? rollBack(state, cancelled)
    : settle(state, 'cancelled', cancelled);
}

export function overdue(state: DeploymentState): Stepped {
  const error: ErrorRecord = {
    code: 'DEADLINE_PASSED',
    message: `deployment: expected it to finish within its deadline, got ${state.phase} when time was up`,
    hint: 'Give the next order a later deadline, or look at what it waited for: octet fleet show <device>',
  };
  if (state.phase === 'confirming' && state.previous !== null) return rollBack(state, error, 'timed_out');
  return settle(state, 'timed_out', error);
}

/** Ends what is under way for another order. Its last words are kept, so that a power cut cannot swallow them. */
export function supersede(state: DeploymentState): Stepped {
  const jobId = state.order?.jobId ?? null;
  const isActivated = state.phase === 'confirming' && state.previous !== null;
  const active = isActivated ? state.previous : state.active;
  const ended = jobId === null ? state.ended : ({ jobId, state: 'cancelled', error: superseded } as const);
  const next = { ...enter(state, 'cancelled'), active, candidate: null, run: state.run + 1, ended };
  const report: Effect[] = jobId === null ? [] : [{ kind: 'report', what: 'ended' }];
  return [isActivated ? { ...next, previous: null } : next, [...runActive(next), ...report]];
}

export function runActive({ active }: Pick<DeploymentState, 'active'>): Effect[] {
  return active === null ? [] : [{ kind: 'run', runnable: active, isRecording: false }];
}

/** Who asked for a certain digest does not want a newer one. */
export function lookAgain({ order }: Pick<DeploymentState, 'order'>): Effect[] {
  return order === null || order.digest === null ? [{ kind: 'pull', when: 'later' }] : [];
}

export function announceError(type: string, error: ErrorRecord): Effect {
  const severity = error.code === 'CANCELLED' ? 'info' : 'error';
  return { kind: 'announce', type, severity, text: `${error.code}  ${error.message}` };
}

const announcedAs: Readonly<Record<string, string>> = {
  rejected: 'refused',
  cancelled: 'cancelled',
  timed_out: 'timed-out',
  failed: 'deployment-failed',
  rolled_back: 'rollback',
};

const cancelled: ErrorRecord = {
  code: 'CANCELLED',
  message: 'deployment: expected it to finish, got its cancellation',
};
const superseded: ErrorRecord = {
  code: 'ORDER_SUPERSEDED',
  message: 'deployment: expected it to finish, got a newer order',
};
