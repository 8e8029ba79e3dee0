/** How each effect of the deployment machine is carried out: one thin function per kind, whose outcome is an event. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelFolder } from '../../models/manifest.ts';
import { errorRecordFrom, OctetError } from '../../runtime/base/errors.ts';
import type { RecordSpec } from '../../runtime/infer/messages.ts';
import type { AgentConfig, SlotConfig } from '../config.ts';
import { describeTally, disagreementLimit } from '../drift/disagreement.ts';
import type { LifeWatch } from '../drift/life-watch.ts';
import type { Watched } from '../drift/watched.ts';
import type { Ports } from '../ports.ts';
import type { Store } from '../store/open-store.ts';
import type { SlotRunner } from '../supervision/slot-runner.ts';
import type { RunnerListener } from '../supervision/supervised-runner.ts';
import { recordWindows } from './calibration.ts';
import type { DeploymentEvent, Effect } from './events.ts';
import type { HealthWatch } from './health.ts';
import { modelsInUse, validityWarning } from './models-in-use.ts';
import { reserveSpec, reservoirRecording } from './reservoir.ts';
import { activeStart, candidateShadow, lifelongShadowId, recordingStart, takesSameSamples } from './runner-start.ts';
import { float32Of, knownChoice, select } from './selection.ts';
import { compareLive } from './shadowing.ts';
import type { DeploymentState, ModelRef, Runnable } from './state.ts';

export type EffectContext = {
  readonly config: AgentConfig;
  readonly slot: SlotConfig;
  readonly ports: Ports;
  readonly store: Store;
  readonly runner: SlotRunner;
  readonly health: HealthWatch;
  readonly life: LifeWatch;
  /** As it was stored when the effect was begun. */
  readonly state: DeploymentState;
  /** Aborted when the run of the machine that began the effect is over. */
  readonly signal: AbortSignal;
  /** Pauses between attempts to reach the repository. */
  readonly delays: Generator<number, never>;
  /** Void once the run is over. */
  readonly dispatch: (event: DeploymentEvent) => void;
  readonly dispatchAlways: (event: DeploymentEvent) => void;
  readonly progress: (fraction: number, detail: string) => void;
  /** Hears a runner of `runnable`; `record` when it records the live source. */
  readonly listenerFor: (runnable: Runnable, watched: Watched, record?: RecordSpec) => RunnerListener;
  readonly announce: (effect: Extract<Effect, { kind: 'announce' }>) => void;
  readonly publishTrials: (effect: Extract<Effect, { kind: 'publishTrials' }>) => void;
  readonly report: (effect: Extract<Effect, { kind: 'report' }>) => void;
};

type Perform<K extends Effect['kind']> = (
  effect: Extract<Effect, { kind: K }>,
  context: EffectContext,
) => Promise<void> | void;

/** Looking for a newer version waits until inference has begun: the first decision comes first. */
const startMs = 10_000;
/** How often the clock is asked whether it can be believed. */
const askClockMs = 1000;

/**
 * Effects that replace the active runner: never two at a time. `active` has to run, whatever is decided meanwhile; a
 * candidate has not, once its deployment is over.
 */
export const runnerEffects: Readonly<Partial<Record<Effect['kind'], 'always' | 'unless over'>>> = {
  run: 'always',
  activate: 'unless over',
};

const transientCodes: readonly string[] = ['REPOSITORY_UNREACHABLE', 'DISK_FULL', 'CHILD_FAILED'];

export const performers: { readonly [K in Effect['kind']]: Perform<K> } = {
  // Who may order, and what for, was judged by whoever took the order; what is in the model is judged when it is here.
  admit: (_, { dispatch }) => dispatch({ kind: 'admitted' }),

  awaitClock: async (_, { ports, signal, dispatch, progress }) => {
    for (let trust = ports.clockTrust(); !trust.isTrusted; trust = ports.clockTrust()) {
      progress(0, `${trust.reason}: what expires cannot be judged yet`);
      await ports.clock.sleep(askClockMs, signal);
    }
    dispatch({ kind: 'clockSet' });
  },

  pull: async ({ when }, context) => {
    const { config, slot, ports, state, store, signal, dispatch, progress, announce } = context;
    if (when !== 'now') await ports.clock.sleep(pauseBefore(when, context), signal);
    // A refresh judges what has expired by the wall clock.
    while (when === 'later' && !ports.clockTrust().isTrusted) await ports.clock.sleep(askClockMs, signal);
    try {
      const { name, version, digest, folder, validUntil } = await ports.pullModel({
        ...config.repository,
        target: state.order?.target ?? slot.target ?? '',
        storeFolder: join(config.dataFolder, 'models'),
        budget: { bytes: config.repository.storeBytes, keep: modelsInUse(store) },
        signal,
        onProgress: ({ receivedBytes, totalBytes }) =>
          progress(receivedBytes / totalBytes, `${receivedBytes} of ${totalBytes} bytes`),
      });
      const warning = validityWarning(validUntil, ports.clock.wallMs());
      if (warning) announce({ kind: 'announce', type: 'repository-expires', severity: 'warning', text: warning });
      dispatch({ kind: 'pulled', model: { name, version, digest, folder } });
    } catch (cause) {
      const error = errorRecordFrom(cause);
      dispatch({ kind: 'pullFailed', error, isTransient: transientCodes.includes(error.code) });
    }
  },

  verify: orFailed(async ({ model }, { config, ports, slot, store, state, dispatch }) => {
    const folder = await ports.verifyModel(model.folder);
    const known = await knownChoice(store, model, slot);
    const recordsLive = slot.calibration.source === undefined && (await seesTheSame(ports, state.active, folder));
    // What has drifted is not calibrated away with what was before.
    const hasDrifted = state.order?.kind === 'recalibrate';
    const kept = hasDrifted ? undefined : await reservoirRecording(config, slot, folder.pipeline);
    dispatch({ kind: 'verified', float32: float32Of(model, folder), known, recordsLive, kept: kept ?? null });
  }),

  run: async ({ runnable, isRecording }, context) => {
    const { ports, dispatchAlways } = context;
    const model = await ports.readModel(runnable.model.folder).catch((cause: unknown) => {
      dispatchAlways({ kind: 'modelLost', error: errorRecordFrom(cause) });
    });
    if (model) await runModel(context, model, runnable, { ...(isRecording ? { record: recordSpec(context) } : {}) });
  },

  record: orFailed(async ({ runnable }, context) => {
    const { slot, ports, signal, dispatch, progress } = context;
    const record = recordSpec(context);
    const { windows } = slot.calibration;
    await recordWindows(ports, {
      start: recordingStart(slot, await ports.readModel(runnable.model.folder), record),
      windows,
      onProgress: (got) => progress(Math.min(1, got / windows), `recorded ${got} of ${windows} windows`),
      signal,
    });
    dispatch({ kind: 'recorded', folder: record.folder });
  }),

  select: orFailed(async ({ model, recording }, { config, slot, ports, store, signal, dispatch, progress }) => {
    const choice = await select(ports, store, {
      ...{ model, slot, recording, signal },
      folder: await ports.readModel(model.folder),
      workFolder: join(config.dataFolder, 'selections'),
      onProgress: ({ phase, fraction, detail }) => {
        if (phase === 'measuring') dispatch({ kind: 'trialsBegan' });
        progress(fraction, detail);
      },
    });
    dispatch({ kind: 'selected', choice });
  }),

  shadow: orFailed(async ({ runnable }, context) => {
    const { slot, ports, runner, life, state, signal, dispatch, progress } = context;
    const { shadowWindows: windows = slot.shadow.windows, shadowShare: share = 1 } = state.order?.policy ?? {};
    if (windows === 0 || share === 0 || state.active === null)
      return dispatch({ kind: 'shadowed', evidence: `${runnable.variant}: not compared with live windows` });
    const candidate = await ports.readModel(runnable.model.folder);
    const id = `candidate ${state.run} ${runnable.sha256}`;
    const active = await ports.readModel(state.active.model.folder);
    const spec = candidateShadow(active, candidate, runnable, { id, share });
    if (spec === undefined)
      return dispatch({
        kind: 'shadowed',
        evidence: `${runnable.variant}: takes other samples than what runs, not compared`,
      });
    runner.shadow(spec);
    const verdict = await compareLive(ports.clock, {
      ...{ spec, windows, pipeline: candidate.pipeline, signal },
      watched: { ...watchedOf(context, candidate, runnable), shadowId: id },
      tally: () => life.tallyOf(id),
      onProgress: (tally) => progress(Math.min(1, tally.windows / windows), describeTally(tally)),
    });
    if ('error' in verdict) dispatch({ kind: 'misbehaved', sha256: runnable.sha256, error: verdict.error });
    else dispatch({ kind: 'shadowed', evidence: verdict.evidence });
  }),

  activate: async ({ runnable }, context) => {
    const { ports, dispatch } = context;
    try {
      await runModel(context, await ports.readModel(runnable.model.folder), runnable, { signal: context.signal });
      dispatch({ kind: 'activated' });
    } catch (error) {
      dispatch({ kind: 'unhealthy', error: errorRecordFrom(error) });
    }
  },

  confirm: async ({ runnable }, { slot, ports, health, state, signal, dispatch, progress }) => {
    // What is confirmed may have run for long (float32 stays): what happened before says nothing of the choice.
    health.reset();
    const detail = 'watching the new variant decide';
    progress(0, detail);
    const { pipeline } = await ports.readModel(runnable.model.folder);
    const confirmMs = state.order?.policy.confirmMs ?? slot.confirmMs;
    const onProgress = (fraction: number) => progress(fraction, detail);
    const error = await health.confirm({ pipeline, confirmMs }, ports.clock, onProgress, signal);
    dispatch(error ? { kind: 'unhealthy', error } : { kind: 'healthy' });
  },

  tidy: async (_, { config, slot, state }) => {
    const folder = join(config.dataFolder, 'recordings', slot.slot);
    const kept = state.model && recordingName(state, state.model);
    for (const name of await readdir(folder).catch(() => [])) // nothing was ever recorded
      if (name !== kept) await rm(join(folder, name), { recursive: true, force: true });
  },

  publishTrials: (effect, { publishTrials }) => publishTrials(effect),
  announce: (effect, { announce }) => announce(effect),
  report: (effect, { report }) => report(effect),
};

async function runModel(
  context: EffectContext,
  model: ModelFolder,
  runnable: Runnable,
  { record, signal }: { readonly record?: RecordSpec; readonly signal?: AbortSignal },
): Promise<void> {
  const { config, slot, runner, listenerFor } = context;
  const listener = listenerFor(runnable, watchedOf(context, model, runnable), record);
  const reserve = reserveSpec(config, slot, model.pipeline);
  await runner.run(activeStart(slot, model, runnable, { record, reserve }), listener, signal);
}

function watchedOf({ state }: EffectContext, { pipeline, budget }: ModelFolder, runnable: Runnable): Watched {
  const { sha256, variant, profile } = runnable;
  const row = state.trials.find((trial) => trial.sha256 === sha256);
  const ordered = state.order?.policy.maxDisagreement;
  return {
    ...{ sha256, variant, profile },
    shadowId: lifelongShadowId(sha256),
    disagreementLimit: disagreementLimit({ ordered, budget: budget.maxDisagreement }, row),
    periodUs: (1e6 * pipeline.window.stride) / pipeline.rateHz,
  };
}

function pauseBefore(when: 'again' | 'later', context: EffectContext): number {
  const { config, ports, state, delays } = context;
  if (when === 'again') return delays.next().value;
  const isStart = ports.clock.monotonicMs() < startMs;
  // Nothing runs at all: not a matter of news. A fleet does not ask at once.
  if (state.active === null) return delays.next().value;
  const intervalMs = config.repository.checkIntervalMinutes * 60_000;
  return isStart ? startMs : intervalMs * (0.75 + 0.5 * ports.random());
}

/** Whether what the active runner records is what this model takes. */
async function seesTheSame(ports: Ports, active: Runnable | null, model: ModelFolder): Promise<boolean> {
  if (active === null) return true;
  const running = await ports.readModel(active.model.folder);
  const isSameWindow = JSON.stringify(running.pipeline.window) === JSON.stringify(model.pipeline.window);
  return isSameWindow && takesSameSamples(running.pipeline, model.pipeline);
}

/** Where the calibration windows are kept: one recording per slot, model and calibration. */
function recordSpec({ config, slot, state }: EffectContext): RecordSpec {
  const name = state.model ? recordingName(state, state.model) : 'none';
  return { folder: join(config.dataFolder, 'recordings', slot.slot, name), maxBytes: slot.calibration.maxBytes };
}

function recordingName({ generation }: DeploymentState, { digest }: ModelRef): string {
  return generation === 0 ? digest : `${digest}-${generation}`;
}

function orFailed<E>(perform: (effect: E, context: EffectContext) => Promise<void> | void) {
  return async (effect: E, context: EffectContext): Promise<void> => {
    try {
      await perform(effect, context);
    } catch (cause) {
      if (context.signal.aborted) throw new OctetError('CANCELLED', 'the deployment goes no further', { cause });
      context.dispatch({ kind: 'failed', error: errorRecordFrom(cause) });
    }
  };
}
