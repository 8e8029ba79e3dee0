/**
 * The deployment of a model on one slot, as a pure machine:
 *
 *   queued → downloading → verifying → calibrating → measuring → activating → confirming → succeeded
 *                └───────────┴────────────┴────────────┴────────────┴→ failed     └→ rolled_back
 *
 * Its state is stored before its effects are begun, so that a start after a power cut goes on where it was. Whatever
 * fails, what ran before goes on running: inference never stops.
 */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import { type Choice, type DeploymentEvent, type DeploymentState, type Effect, isSettled } from './state.ts';

export type Stepped = readonly [DeploymentState, readonly Effect[]];

/** An activation that was interrupted so often by the agent's end is taken for the cause of it. */
const maxAttempts = 3;

type Handler<K extends DeploymentEvent['kind']> = (
  state: DeploymentState,
  event: Extract<DeploymentEvent, { kind: K }>,
) => Stepped;

/** One row per event. An event that does not belong to the phase changes nothing: it is late, or came twice. */
const handlers: { readonly [K in DeploymentEvent['kind']]: Handler<K> } = {
  started: (state, { settings }) => {
    const [next, effects] = resume({ ...state, settings }, settings !== state.settings);
    return [next, [...runActive(state), ...effects]];
  },

  pulled: (state, { model }) => {
    const isNews = state.phase === 'downloading' || (isSettled(state) && model.digest !== state.model?.digest);
    if (!isNews) return [state, []];
    const recording = model.digest === state.model?.digest ? state.recording : null;
    return [{ ...enter(state, 'verifying'), model, recording, trials: [] }, [{ kind: 'verify', model }]];
  },

  pullFailed: (state, { error, isTransient }) => {
    if (state.phase !== 'downloading') return [state, isTransient ? [] : [announceError('refused', error)]];
    if (isTransient) return [{ ...state, error }, [{ kind: 'pull', when: 'again' }]];
    return fail(state, error);
  },

  verified: (state, { float32, known, recordsLive }) => {
    if (state.phase !== 'verifying') return [state, []];
    const withActive = { ...state, active: state.active ?? float32 };
    const runFloat32: Effect[] = state.active === null ? [{ kind: 'run', runnable: float32, isRecording: false }] : [];
    if (known) {
      const [next, effects] = choose(withActive, known);
      return [next, [...runFloat32, ...effects]];
    }
    const calibrating = enter(withActive, 'calibrating');
    if (state.recording !== null)
      return [calibrating, [...runFloat32, { kind: 'select', model: float32.model, recording: state.recording }]];
    const isFloat32Active = withActive.active.sha256 === float32.sha256;
    if (recordsLive && isFloat32Active) return [calibrating, [{ kind: 'run', runnable: float32, isRecording: true }]];
    return [calibrating, [...runFloat32, { kind: 'record', runnable: float32 }]];
  },

  recorded: (state, { folder }) => {
    if (state.phase !== 'calibrating' || state.model === null) return [state, []];
    return [{ ...state, recording: folder }, [{ kind: 'select', model: state.model, recording: folder }]];
  },

  trialsBegan: (state) => [state.phase === 'calibrating' ? enter(state, 'measuring') : state, []],

  selected: (state, { choice }) => {
    const isSelecting = state.phase === 'calibrating' || state.phase === 'measuring';
    if (!isSelecting) return [state, []];
    const [next, effects] = choose(state, choice);
    const publish: Effect = { kind: 'publishTrials', model: choice.runnable.model, trials: choice.trials };
    return [next, [publish, ...effects]];
  },

  activated: (state) => {
    const { candidate, active } = state;
    if (state.phase !== 'activating' || candidate === null) return [state, []];
    const next = { ...enter(state, 'confirming'), active: candidate, previous: active, candidate: null };
    return [next, [{ kind: 'confirm', runnable: candidate }]];
  },

  healthy: (state) => {
    if (state.phase !== 'confirming' || state.active === null) return [state, []];
    const { variant, model, verdict } = state.active;
    const text = `${model.name} ${model.version} runs as ${variant}: ${verdict}`;
    return [
      { ...enter(state, 'succeeded'), attempts: 0 },
      [{ kind: 'announce', type: 'activated', severity: 'info', text }],
    ];
  },

  unhealthy: (state, { error }) => {
    if (state.phase === 'activating') return fail(state, error);
    if (state.phase === 'confirming') return rollBack(state, error);
    return [state, []];
  },

  crashLoop: (state, { sha256, error }) => {
    if (state.active?.sha256 !== sha256) return [state, []];
    if (state.previous && state.previous.sha256 !== sha256 && (isSettled(state) || state.phase === 'confirming'))
      return rollBack(state, error);
    // Nothing to go back to: the runner is tried again rarely, and the operator is told.
    const next = isSettled(state) ? enter(state, 'failed') : state;
    return [{ ...next, error }, [announceError('crash-loop', error)]];
  },

  // Pulling again repairs it: the store replaces what is not what its digest says.
  modelLost: (state, { error }) => [
    { ...enter(state, 'downloading'), active: null, previous: null, candidate: null, error },
    [{ kind: 'pull', when: 'now' }, announceError('model-lost', error)],
  ],

  failed: (state, { error }) => (isSettled(state) ? [state, []] : fail(state, error)),
};

/** The next state, and what is to be done about it. Pure; `nowMs` is stamped on a change of phase. */
export function step(state: DeploymentState, event: DeploymentEvent, nowMs: number): Stepped {
  const handle = handlers[event.kind] as Handler<DeploymentEvent['kind']>;
  const [next, effects] = handle(state, event as never);
  return [next.phase === state.phase ? next : { ...next, sinceMs: nowMs }, effects];
}

/** Where to go on after a start. What is active runs already. */
function resume(state: DeploymentState, areSettingsNew: boolean): Stepped {
  const { phase, model, active, candidate } = state;
  // Nothing runs, and what is in the store was lost or refused: a pull finds it whole, or fetches it again.
  const isUnusable = active === null && phase !== 'verifying';
  if (model === null || isUnusable)
    return [{ ...enter(state, 'downloading'), recording: null }, [{ kind: 'pull', when: 'now' }]];
  const isInterrupted = phase === 'activating' || phase === 'confirming';
  if (isInterrupted && state.attempts >= maxAttempts) return rollBack(state, interrupted(state.attempts));
  if (areSettingsNew || active === null)
    return [{ ...enter(state, 'verifying'), candidate: null, recording: null }, [{ kind: 'verify', model }]];
  const counted = { ...state, attempts: state.attempts + 1 };
  if (phase === 'confirming') return [counted, [{ kind: 'confirm', runnable: active }]];
  if (phase === 'activating' && candidate) return [counted, [{ kind: 'activate', runnable: candidate }]];
  if (isSettled(state)) return [state, [{ kind: 'pull', when: 'later' }]];
  return [enter(state, 'verifying'), [{ kind: 'verify', model }]];
}

function runActive({ active }: DeploymentState): Effect[] {
  return active === null ? [] : [{ kind: 'run', runnable: active, isRecording: false }];
}

/** Goes on with what was chosen; when that runs already, there is nothing to activate. */
function choose(state: DeploymentState, { runnable, trials }: Choice): Stepped {
  if (runnable.sha256 === state.active?.sha256)
    return [{ ...enter(state, 'confirming'), trials, active: runnable }, [{ kind: 'confirm', runnable }]];
  return [{ ...enter(state, 'activating'), trials, candidate: runnable }, [{ kind: 'activate', runnable }]];
}

function enter(state: DeploymentState, phase: DeploymentState['phase']): DeploymentState {
  return { ...state, phase, error: null };
}

function fail(state: DeploymentState, error: ErrorRecord): Stepped {
  return [{ ...enter(state, 'failed'), candidate: null, error }, [announceError('deployment-failed', error)]];
}

function rollBack(state: DeploymentState, error: ErrorRecord): Stepped {
  const { active, previous, candidate } = state;
  // In `activating`, what ran before is still the active one.
  const back = candidate === null ? previous : active;
  if (back === null) return fail(state, error);
  const next = { ...enter(state, 'rolled_back'), active: back, previous: null, candidate: null, attempts: 0, error };
  return [next, [{ kind: 'run', runnable: back, isRecording: false }, announceError('rollback', error)]];
}

function interrupted(attempts: number): ErrorRecord {
  return {
    code: 'DEPLOYMENT_FAILED',
    message: `activation: expected it to finish, got ${attempts} ends of the agent in the middle of it`,
    hint: 'Look at the journal around those times: journalctl -u octet',
  };
}

function announceError(type: string, error: ErrorRecord): Effect {
  return { kind: 'announce', type, severity: 'error', text: `${error.code}  ${error.message}` };
}
