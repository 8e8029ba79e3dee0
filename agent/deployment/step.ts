/**
 * The deployment of a model on one slot, as a pure machine:
 *
 *   queued → accepted → downloading → verifying → calibrating → measuring → shadowing → activating → confirming → succeeded
 *     ├→ rejected             at any time before activating: cancelled, timed_out, failed          after: rolled_back, timed_out
 *
 * Its state is stored before its effects are begun, so that a start after a power cut goes on where it was. Whatever
 * fails, what ran before goes on running: inference never stops. One row per event; an event that does not belong to
 * the phase changes nothing: it is late, or came twice.
 */
import { accept, begin, configuredOrder } from './begin.ts';
import { choose, unsuitable } from './choose.ts';
import { announceError, cancel, fail, overdue, rollBack, settle } from './end.ts';
import type { DeploymentEvent, Effect, Stepped } from './events.ts';
import { demote, promote, recalibrate } from './later.ts';
import { resume } from './resume.ts';
import { type DeploymentState, enter, isSettled } from './state.ts';

type Handler<K extends DeploymentEvent['kind']> = (
  state: DeploymentState,
  event: Extract<DeploymentEvent, { kind: K }>,
) => Stepped;

const nothing = (state: DeploymentState): Stepped => [state, []];

const handlers: { readonly [K in DeploymentEvent['kind']]: Handler<K> } = {
  started: (state, event) => resume(state, event),
  ordered: (state, { order }) => accept(state, order),
  cancelled: (state, { jobId }) => cancel(state, jobId),
  overdue: (state) => (isSettled(state) ? nothing(state) : overdue(state)),

  admitted: (state) =>
    state.phase === 'queued' ? [enter(state, 'accepted'), [{ kind: 'awaitClock' }]] : nothing(state),
  refused: (state, { error }) => (isSettled(state) ? nothing(state) : settle(state, 'rejected', error)),
  clockSet: (state) =>
    state.phase === 'accepted' ? [enter(state, 'downloading'), [{ kind: 'pull', when: 'now' }]] : nothing(state),

  pulled: (state, { model }) => {
    if (isSettled(state)) {
      // The repository offers the same as before: it is asked again later.
      if (model.digest === state.model?.digest && state.active !== null)
        return [state, [{ kind: 'pull', when: 'later' }]];
      return begin(state, {
        ...configuredOrder(state),
        because: `the repository offers ${model.name} ${model.version}`,
      });
    }
    if (state.phase !== 'downloading') return nothing(state);
    const reason = unsuitable(state, model);
    if (reason) return settle(state, 'rejected', reason);
    const isSame = model.digest === state.model?.digest;
    const kept = isSame ? { recording: state.recording, trials: state.trials } : { recording: null, trials: [] };
    return [{ ...enter(state, 'verifying'), ...kept, model }, [{ kind: 'verify', model }]];
  },

  pullFailed: (state, { error, isTransient }) => {
    if (isSettled(state)) {
      const again: Effect = { kind: 'pull', when: 'later' };
      const isNews = !isTransient && error.message !== state.error?.message;
      return [state, isNews ? [announceError('refused', error), again] : [again]];
    }
    if (state.phase !== 'downloading') return nothing(state);
    return isTransient ? [{ ...state, error }, [{ kind: 'pull', when: 'again' }]] : fail(state, error);
  },

  verified: (state, { float32, known, recordsLive, kept }) => {
    if (state.phase !== 'verifying') return nothing(state);
    const active = state.active ?? float32;
    const runFloat32: Effect[] = state.active === null ? [{ kind: 'run', runnable: float32, isRecording: false }] : [];
    if (known && state.order?.kind !== 'recalibrate') {
      const [next, effects] = choose({ ...state, active }, known);
      return [next, [...runFloat32, ...effects]];
    }
    const recording = state.recording ?? kept;
    const calibrating = { ...enter(state, 'calibrating'), active, recording };
    if (recording !== null) return [calibrating, [...runFloat32, { kind: 'select', model: float32.model, recording }]];
    if (recordsLive) return [calibrating, [{ kind: 'run', runnable: active, isRecording: true }]];
    return [calibrating, [...runFloat32, { kind: 'record', runnable: float32 }]];
  },

  recorded: (state, { folder }) => {
    if (state.phase !== 'calibrating' || state.model === null) return nothing(state);
    return [{ ...state, recording: folder }, [{ kind: 'select', model: state.model, recording: folder }]];
  },

  trialsBegan: (state) => (state.phase === 'calibrating' ? [enter(state, 'measuring'), []] : nothing(state)),

  selected: (state, { choice }) => {
    if (state.phase !== 'calibrating' && state.phase !== 'measuring') return nothing(state);
    const [next, effects] = choose(state, choice);
    return [next, [{ kind: 'publishTrials', model: choice.runnable.model, trials: choice.trials }, ...effects]];
  },

  shadowed: (state, { evidence }) => {
    const { phase, candidate } = state;
    if (phase !== 'shadowing' || candidate === null) return nothing(state);
    const told: Effect = { kind: 'announce', type: 'shadowed', severity: 'info', text: evidence };
    return [enter(state, 'activating'), [told, { kind: 'activate', runnable: candidate }]];
  },

  activated: (state) => {
    const { candidate, active } = state;
    if (state.phase !== 'activating' || candidate === null) return nothing(state);
    // Back to what was chosen, not to what heat put in its place.
    const previous = state.demotedFrom?.sha256 === candidate.sha256 ? active : (state.demotedFrom ?? active);
    const next = { ...enter(state, 'confirming'), active: candidate, previous, candidate: null, demotedFrom: null };
    return [next, [{ kind: 'confirm', runnable: candidate }]];
  },

  healthy: (state) => {
    if (state.phase !== 'confirming' || state.active === null) return nothing(state);
    const { variant, model, verdict } = state.active;
    const text = `${model.name} ${model.version} runs as ${variant}: ${verdict}`;
    const told: Effect = { kind: 'announce', type: 'activated', severity: 'info', text };
    const [next, effects] = settle(state, 'succeeded', null);
    return [next, [told, { kind: 'tidy' }, ...effects]];
  },

  unhealthy: (state, { error }) => {
    if (state.phase === 'activating') return fail(state, error);
    return state.phase === 'confirming' ? rollBack(state, error) : nothing(state);
  },

  misbehaved: (state, { sha256, error }) => {
    if (state.phase === 'shadowing' && state.candidate?.sha256 === sha256) return fail(state, error);
    if (state.active?.sha256 !== sha256 || state.previous === null) return nothing(state);
    return isSettled(state) || state.phase === 'confirming' ? rollBack(state, error) : nothing(state);
  },

  crashLoop: (state, { sha256, error }) => {
    if (state.active?.sha256 !== sha256) return nothing(state);
    const isOther = state.previous !== null && state.previous.sha256 !== sha256;
    if (isOther && (isSettled(state) || state.phase === 'confirming')) return rollBack(state, error);
    // Nothing to go back to: the runner is tried again rarely, and the operator is told.
    const next = isSettled(state) ? enter(state, 'failed') : state;
    return [{ ...next, error }, [announceError('crash-loop', error)]];
  },

  drifted: (state, { sha256, evidence }) => recalibrate(state, sha256, evidence),
  strained: (state, { evidence }) => demote(state, evidence),
  relieved: (state, { evidence }) => promote(state, evidence),

  // Pulling again repairs it: the store replaces what is not what its digest says.
  modelLost: (state, { error }) => {
    const bare = { ...state, active: null, previous: null, demotedFrom: null, alternatives: [], model: null };
    const order = state.order ?? configuredOrder(state);
    const [next, effects] = begin(bare, { ...order, kind: 'deploy', because: 'the files of its model are gone' });
    return [{ ...next, error }, [...effects, announceError('model-lost', error)]];
  },

  failed: (state, { error }) => (isSettled(state) ? nothing(state) : fail(state, error)),
};

/** The next state, and what is to be done about it. Pure; `nowMs` is stamped on a change of phase. */
export function step(state: DeploymentState, event: DeploymentEvent, nowMs: number): Stepped {
  const handle = handlers[event.kind] as Handler<DeploymentEvent['kind']>;
  const [next, effects] = handle(state, event as never);
  return [next.phase === state.phase ? next : { ...next, sinceMs: nowMs }, effects];
}
