/** How each effect of the deployment machine is carried out: one thin function per kind, whose outcome is an event. */
import { join } from 'node:path';
import { errorRecordFrom, OctetError } from '../../runtime/base/errors.ts';
import type { RecordSpec } from '../../runtime/infer/messages.ts';
import type { AgentConfig, SlotConfig } from '../config.ts';
import type { Ports } from '../ports.ts';
import type { Store } from '../store/open-store.ts';
import type { SlotRunner } from '../supervision/slot-runner.ts';
import type { RunnerListener } from '../supervision/supervised-runner.ts';
import { recordWindows } from './calibration.ts';
import type { HealthWatch } from './health.ts';
import { activeStart, recordingStart } from './runner-start.ts';
import { float32Of, knownChoice, select } from './selection.ts';
import type { DeploymentEvent, Effect, ModelRef, Runnable } from './state.ts';

export type EffectContext = {
  readonly config: AgentConfig;
  readonly slot: SlotConfig;
  readonly ports: Ports;
  readonly store: Store;
  readonly runner: SlotRunner;
  readonly health: HealthWatch;
  readonly signal: AbortSignal;
  /** Pauses between attempts to reach the repository. */
  readonly delays: Generator<number, never>;
  readonly dispatch: (event: DeploymentEvent) => void;
  readonly progress: (fraction: number, detail: string) => void;
  /** Hears a runner of `runnable`; `record` when it records the live source. */
  readonly listenerFor: (runnable: Runnable, record?: RecordSpec) => RunnerListener;
  readonly announce: (effect: Extract<Effect, { kind: 'announce' }>) => void;
  readonly publishTrials: (effect: Extract<Effect, { kind: 'publishTrials' }>) => void;
};

type Perform<K extends Effect['kind']> = (
  effect: Extract<Effect, { kind: K }>,
  context: EffectContext,
) => Promise<void> | void;

/** Looking for a newer version waits until inference has begun: the first decision comes first. */
const startMs = 10_000;

/** Effects that replace the active runner: never two at a time. */
export const isRunnerEffect: Readonly<Partial<Record<Effect['kind'], true>>> = { run: true, activate: true };

const transientCodes: readonly string[] = ['REPOSITORY_UNREACHABLE', 'DISK_FULL'];

export const performers: { readonly [K in Effect['kind']]: Perform<K> } = {
  pull: async ({ when }, { config, slot, ports, signal, delays, dispatch, progress }) => {
    if (when === 'again') await ports.clock.sleep(delays.next().value, signal);
    if (when === 'later') await ports.clock.sleep(startMs, signal);
    try {
      const { name, version, digest, folder } = await ports.pullModel({
        ...config.repository,
        target: slot.target,
        storeFolder: join(config.dataFolder, 'models'),
        signal,
        onProgress: ({ receivedBytes, totalBytes }) =>
          progress(receivedBytes / totalBytes, `${receivedBytes} of ${totalBytes} bytes`),
      });
      dispatch({ kind: 'pulled', model: { name, version, digest, folder } });
    } catch (cause) {
      const error = errorRecordFrom(cause);
      dispatch({ kind: 'pullFailed', error, isTransient: transientCodes.includes(error.code) });
    }
  },

  verify: orFailed(async ({ model }, { ports, slot, store, dispatch }) => {
    const folder = await ports.verifyModel(model.folder);
    const known = await knownChoice(store, model, slot);
    const recordsLive = slot.calibration.source === undefined;
    dispatch({ kind: 'verified', float32: float32Of(model, folder), known, recordsLive });
  }),

  run: async ({ runnable, isRecording }, context) => {
    const { slot, ports, runner, config, dispatch } = context;
    const model = await ports.readModel(runnable.model.folder).catch((cause: unknown) => {
      dispatch({ kind: 'modelLost', error: errorRecordFrom(cause) });
    });
    if (!model) return;
    const record = isRecording ? recordSpec(config, slot, runnable.model) : undefined;
    const start = activeStart(slot, model, runnable, record);
    const listener = context.listenerFor(runnable, record);
    if (runner.isEmpty) runner.begin(start, listener);
    else await runner.switchTo(start, listener);
  },

  record: orFailed(async ({ runnable }, { config, slot, ports, signal, dispatch, progress }) => {
    const record = recordSpec(config, slot, runnable.model);
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

  activate: async ({ runnable }, { slot, ports, runner, listenerFor, dispatch }) => {
    try {
      const model = await ports.readModel(runnable.model.folder);
      await runner.switchTo(activeStart(slot, model, runnable), listenerFor(runnable));
      dispatch({ kind: 'activated' });
    } catch (error) {
      dispatch({ kind: 'unhealthy', error: errorRecordFrom(error) });
    }
  },

  confirm: async ({ runnable }, { ports, health, signal, dispatch, progress }) => {
    // What is confirmed may have run for long (float32 stays): what happened before says nothing of the choice.
    health.reset();
    progress(0, 'watching the new variant decide');
    const { pipeline } = await ports.readModel(runnable.model.folder);
    const error = await health.confirm(pipeline, ports.clock, signal);
    dispatch(error ? { kind: 'unhealthy', error } : { kind: 'healthy' });
  },

  publishTrials: (effect, { publishTrials }) => publishTrials(effect),
  announce: (effect, { announce }) => announce(effect),
};

/** Where the calibration windows of a model are kept; one recording per slot and model. */
function recordSpec({ dataFolder }: AgentConfig, { slot, calibration }: SlotConfig, { digest }: ModelRef): RecordSpec {
  return { folder: join(dataFolder, 'recordings', slot, digest), maxBytes: calibration.maxBytes };
}

function orFailed<E>(perform: (effect: E, context: EffectContext) => Promise<void>) {
  return async (effect: E, context: EffectContext): Promise<void> => {
    try {
      await perform(effect, context);
    } catch (cause) {
      const error = errorRecordFrom(cause);
      if (context.signal.aborted) throw new OctetError('CANCELLED', 'the agent stops', { cause });
      context.dispatch({ kind: 'failed', error });
    }
  };
}
