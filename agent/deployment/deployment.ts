/**
 * Drives one slot's deployment: stores what the pure machine decides, then carries it out. Also the ear of the slot's
 * runners: their decisions become telemetry, their crashes events.
 */
import { errorRecordFrom, OctetError } from '../../runtime/base/errors.ts';
import type { Decision, RecordSpec, RunnerEvent } from '../../runtime/infer/messages.ts';
import { retryDelays } from '../link/delays.ts';
import type { Reported } from '../protocol/messages.ts';
import { isDiskFull } from '../store/store-error.ts';
import { SlotRunner } from '../supervision/slot-runner.ts';
import type { RunnerListener } from '../supervision/supervised-runner.ts';
import { RecordingProgress, tooLittle } from './calibration.ts';
import { type EffectContext, isRunnerEffect, performers } from './effects.ts';
import { HealthWatch } from './health.ts';
import { settingsFingerprint } from './selection.ts';
import { type DeploymentEvent, type DeploymentState, type Effect, initialState, type Runnable } from './state.ts';
import { step } from './step.ts';

export type DeploymentOptions = Pick<
  EffectContext,
  'config' | 'slot' | 'ports' | 'store' | 'announce' | 'publishTrials'
> & {
  /** A runner process of the slot has loaded its model: where its decisions go, until it is gone. */
  readonly openDecisions: () => DecisionSink;
  /** What `reported` shows has changed. */
  readonly onChange: () => void;
  /** The store is broken: the agent must not go on without it. */
  readonly onBroken: (error: OctetError) => void;
};

export type DecisionSink = { write(decisions: readonly Decision[]): void; end(): void };

/** A state that could not be stored for want of room is tried again after this. */
const storeRetryMs = 10_000;

export class Deployment {
  readonly #options: DeploymentOptions;
  readonly #stopping = new AbortController();
  readonly #health = new HealthWatch();
  readonly #runner: SlotRunner;
  readonly #context: EffectContext;
  readonly #running = new Set<Promise<void>>();
  #runnerIdle: Promise<void> = Promise.resolve();
  #state: DeploymentState = initialState;
  #progress = { fraction: 0, detail: '' };

  constructor(options: DeploymentOptions) {
    this.#options = options;
    this.#runner = new SlotRunner(options.ports);
    this.#context = {
      ...options,
      runner: this.#runner,
      health: this.#health,
      signal: this.#stopping.signal,
      delays: retryDelays(options.ports.random),
      dispatch: (event) => this.dispatch(event),
      progress: (fraction, detail) => this.#setProgress(fraction, detail),
      listenerFor: (runnable, record) => this.#listenerFor(runnable, record),
    };
  }

  get runnerPid(): number | undefined {
    return this.#runner.pid;
  }

  get state(): DeploymentState {
    return this.#state;
  }

  get reported(): Reported['slots'][number] {
    const { phase, active, trials, error, sinceMs } = this.#state;
    return {
      slot: this.#options.slot.slot,
      state: phase,
      progress: this.#progress.fraction,
      detail: this.#progress.detail,
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

  /** Goes on where it was when the agent ended last. */
  start(): void {
    const { store, slot } = this.#options;
    const stored = store.slots.get(slot.slot);
    // Fields that a newer version added are filled in from the initial state.
    if (stored !== undefined) this.#state = { ...initialState, ...(JSON.parse(stored) as Partial<DeploymentState>) };
    this.dispatch({ kind: 'started', settings: settingsFingerprint(slot) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#runner.stop();
    await Promise.allSettled(this.#running);
  }

  dispatch(event: DeploymentEvent): void {
    if (this.#stopping.signal.aborted) return;
    const { ports, slot, store, onChange } = this.#options;
    const [next, effects] = step(this.#state, event, ports.clock.wallMs());
    try {
      if (next !== this.#state) store.stateTransaction(() => store.slots.put(slot.slot, JSON.stringify(next)));
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#retryLater(event, errorRecordFrom(error));
      return;
    }
    if (next.phase !== this.#state.phase) this.#progress = { fraction: 0, detail: '' };
    this.#state = next;
    onChange();
    for (const effect of effects) this.#perform(effect);
  }

  /** Not stored, so not begun: what runs goes on, and the same event is tried again. */
  #retryLater(event: DeploymentEvent, error: DeploymentState['error']): void {
    const { ports, onChange } = this.#options;
    this.#state = { ...this.#state, error };
    onChange();
    this.#track(ports.clock.sleep(storeRetryMs, this.#stopping.signal).then(() => this.dispatch(event)));
  }

  #perform(effect: Effect): void {
    const perform = performers[effect.kind] as (effect: Effect, context: EffectContext) => Promise<void> | void;
    const { log } = this.#options.ports;
    log.info({ slot: this.#options.slot.slot, effect: effect.kind, phase: this.#state.phase }, 'deployment');
    const work = async () => perform(effect, this.#context);
    this.#track(isRunnerEffect[effect.kind] ? this.#afterRunner(work) : work());
  }

  /** What replaces the runner happens one after the other, in the order of its decisions. */
  #afterRunner(work: () => Promise<void>): Promise<void> {
    const done = this.#runnerIdle.then(() => (this.#stopping.signal.aborted ? undefined : work()));
    this.#runnerIdle = done.catch(() => undefined); // reported by whoever tracks `done`
    return done;
  }

  #track(work: Promise<void>): void {
    const { ports, slot } = this.#options;
    const settled = work.catch((error: unknown) => {
      // On a stop everything is interrupted; what was to be done is in the store.
      if (error instanceof OctetError && error.code === 'STORE_FAILED') this.#options.onBroken(error);
      if (!this.#stopping.signal.aborted)
        ports.log.error({ slot: slot.slot, error: errorRecordFrom(error) }, 'effect failed');
    });
    this.#running.add(settled);
    void settled.finally(() => this.#running.delete(settled));
  }

  #setProgress(fraction: number, detail: string): void {
    this.#progress = { fraction: Math.round(fraction * 100) / 100, detail };
    this.#options.onChange();
  }

  #listenerFor(runnable: Runnable, record?: RecordSpec): RunnerListener {
    const onRecording = record && this.#liveRecording(runnable, record);
    return {
      onProcess: () => {
        let sink: DecisionSink | undefined;
        return {
          onEvent: (event) => {
            if (event.kind === 'ready') sink = this.#options.openDecisions();
            if (event.kind === 'decisions') {
              sink?.write(event.decisions);
              this.#health.noteDecisions(event.decisions.length);
            }
            if (event.kind === 'problem') this.#announce('runner-problem', 'warning', event.error);
            onRecording?.(event);
          },
          onExit: () => sink?.end(),
        };
      },
      onCrash: (error) => {
        this.#health.noteCrash(error);
        this.#announce('runner-crash', 'warning', error);
      },
      onCrashLoop: (error) => {
        this.#health.noteCrash(error);
        this.dispatch({ kind: 'crashLoop', sha256: runnable.sha256, error });
      },
    };
  }

  /** The active runner records: when there is enough, it is replaced by one that does not, which closes the recording. */
  #liveRecording(runnable: Runnable, { folder }: RecordSpec): (event: RunnerEvent) => void {
    const { windows } = this.#options.slot.calibration;
    const progress = new RecordingProgress(windows);
    let isOver = false;
    return (event) => {
      if (isOver || (event.kind !== 'recorded' && event.kind !== 'ended')) return;
      const outcome = progress.note(event);
      this.#setProgress(Math.min(1, progress.windows / windows), `recorded ${progress.windows} of ${windows} windows`);
      isOver = outcome !== 'going on';
      if (outcome === 'too little')
        this.dispatch({ kind: 'failed', error: errorRecordFrom(tooLittle(progress.windows, windows)) });
      if (outcome !== 'enough') return;
      const finish = async () => {
        await this.#afterRunner(async () =>
          performers.run({ kind: 'run', runnable, isRecording: false }, this.#context),
        );
        this.dispatch({ kind: 'recorded', folder });
      };
      this.#track(finish());
    };
  }

  #announce(type: string, severity: 'warning' | 'error', { code, message }: { code: string; message: string }): void {
    this.#options.announce({ kind: 'announce', type, severity, text: `${code}  ${message}` });
  }
}
