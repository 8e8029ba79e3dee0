/** Drives one slot's deployment: stores what the pure machine decides, then carries it out. */
import { type ErrorRecord, errorRecordFrom, OctetError } from '../../runtime/base/errors.ts';
import type { Decision, RecordSpec } from '../../runtime/infer/messages.ts';
import { type LifeEvent, LifeWatch } from '../drift/life-watch.ts';
import type { Watched } from '../drift/watched.ts';
import { retryDelays } from '../link/delays.ts';
import type { OrderProgress, OrderTaker, SlotOrder } from '../orders/order.ts';
import type { SystemReading } from '../ports.ts';
import type { Reported } from '../protocol/messages.ts';
import { isDiskFull } from '../store/store-error.ts';
import { SlotRunner } from '../supervision/slot-runner.ts';
import type { RunnerListener } from '../supervision/supervised-runner.ts';
import { Deadline } from './deadline.ts';
import { type EffectContext, performers, runnerEffects } from './effects.ts';
import type { DeploymentEvent, Effect } from './events.ts';
import { HealthWatch } from './health.ts';
import { reportedSlot } from './reported-slot.ts';
import { type DecisionSink, type LiveRecording, listenToRunner } from './runner-ear.ts';
import { settingsFingerprint } from './selection.ts';
import { type DeploymentState, initialState, isSettled, type Runnable } from './state.ts';
import { step } from './step.ts';

export type DeploymentOptions = Pick<
  EffectContext,
  'config' | 'slot' | 'ports' | 'store' | 'announce' | 'publishTrials'
> & {
  /** A runner process of the slot has loaded its model: where its decisions go, until it is gone. */
  readonly openDecisions: () => DecisionSink;
  /** What `reported` shows has changed. */
  readonly onChange: () => void;
  /** How far the current order, or one that was superseded, has come. Told again after a start. */
  readonly onOrder: (progress: OrderProgress) => void;
  readonly onDecisions: (decisions: readonly Decision[]) => void;
  /** A runner of the slot ended without being asked to. */
  readonly onCrash: (error: ErrorRecord) => void;
  /** The store is broken: the agent must not go on without it. */
  readonly onBroken: (error: OctetError) => void;
};

/** A state that could not be stored for want of room is tried again after this. */
const storeRetryMs = 10_000;

export class Deployment implements OrderTaker {
  readonly #options: DeploymentOptions;
  readonly #stopping = new AbortController();
  readonly #health = new HealthWatch();
  readonly #life: LifeWatch;
  readonly #runner: SlotRunner;
  readonly #deadline: Deadline;
  readonly #delays: Generator<number, never>;
  readonly #running = new Set<Promise<void>>();
  /** Aborted when the machine's run is over. */
  #run = new AbortController();
  #runnerIdle: Promise<void> = Promise.resolve();
  #state: DeploymentState = initialState;
  #progress = { fraction: 0, detail: '' };
  /** How the board's strain turned last, and what was done about it. */
  #strain: LifeEvent | undefined;
  #answered = '';
  #heardMs: number | null = null;

  constructor(options: DeploymentOptions) {
    const { ports, config, slot } = options;
    this.#options = options;
    this.#runner = new SlotRunner(ports);
    this.#life = new LifeWatch({ drift: slot.drift, heat: config.heat });
    this.#delays = retryDelays(ports.random);
    this.#deadline = new Deadline(ports.clock, {
      onDue: () => this.#track((async () => this.dispatch({ kind: 'overdue' }))()),
      onSave: () => this.#track((async () => this.#store({ ...this.#state, leftMs: this.#deadline.leftMs }))()),
    });
  }

  get slot(): string {
    return this.#options.slot.slot;
  }

  get runnerPid(): number | undefined {
    return this.#runner.pid;
  }

  /** When a runner of the slot was last heard of, monotonic milliseconds; null when never. */
  get heardMs(): number | null {
    return this.#heardMs;
  }

  get state(): DeploymentState {
    return this.#state;
  }

  get reported(): Reported['slots'][number] {
    return reportedSlot(this.slot, this.#state, this.#progress);
  }

  /** Goes on where it was when the agent ended last. */
  start(): void {
    const { store, slot } = this.#options;
    const stored = store.slots.get(slot.slot);
    // Fields that a newer version added are filled in from the initial state.
    if (stored !== undefined) this.#state = { ...initialState, ...(JSON.parse(stored) as Partial<DeploymentState>) };
    this.#deadline.set(this.#state.leftMs);
    if (this.#state.demotedFrom !== null) this.#life.resumeStrained();
    this.dispatch({ kind: 'started', settings: settingsFingerprint(slot), target: slot.target ?? null });
  }

  give(order: SlotOrder): void {
    this.dispatch({ kind: 'ordered', order });
  }

  cancel(jobId?: string): void {
    this.dispatch({ kind: 'cancelled', jobId: jobId ?? null });
  }

  /** A new process takes over from the one that runs. @throws when it does not become ready; the old one goes on. */
  restartRunner(): Promise<void> {
    return this.#afterRunner(() => this.#runner.restart(), this.#stopping.signal);
  }

  /** The board's temperature and what holds it back, every few seconds. */
  noteSystem(reading: SystemReading): void {
    this.#strain = this.#life.noteHeat(reading, this.#options.ports.clock.monotonicMs()) ?? this.#strain;
    // While a deployment is under way nothing is switched; what it has put in place may have to be.
    const answer = () => `${this.#strain?.kind} ${this.#state.active?.sha256}`;
    if (this.#strain === undefined || !isSettled(this.#state) || answer() === this.#answered) return;
    this.dispatch(this.#strain);
    this.#answered = answer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#run.abort();
    this.#deadline.set(null);
    await this.#runner.stop();
    await Promise.allSettled(this.#running);
  }

  dispatch(event: DeploymentEvent): void {
    if (this.#stopping.signal.aborted) return;
    const [next, effects] = step(this.#state, event, this.#options.ports.clock.wallMs());
    try {
      this.#enter(next);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#retryLater(event, errorRecordFrom(error));
      return;
    }
    for (const effect of effects) this.#perform(effect);
  }

  /** Durable first; only then is it so. */
  #enter(next: DeploymentState): void {
    const before = this.#state;
    if (next === before) return;
    const isNewRun = next.run !== before.run;
    this.#store(isNewRun ? next : { ...next, leftMs: this.#deadline.leftMs });
    if (isNewRun) {
      this.#deadline.set(next.leftMs);
      this.#run.abort();
      this.#run = new AbortController();
    }
    if (next.phase !== before.phase || isNewRun) this.#setProgress(0, '');
    else this.#options.onChange();
  }

  #store(state: DeploymentState): void {
    const { store } = this.#options;
    store.stateTransaction(() => store.slots.put(this.slot, JSON.stringify(state)));
    this.#state = state;
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
    this.#options.ports.log.info({ slot: this.slot, effect: effect.kind, phase: this.#state.phase }, 'deployment');
    const context = this.#contextOfRun();
    // Not at once: what it dispatches comes after all effects of this step have been begun.
    const work = async () => {
      await Promise.resolve();
      await perform(effect, context);
    };
    const order = runnerEffects[effect.kind];
    const { signal } = context;
    const begun =
      order === undefined ? work() : this.#afterRunner(work, order === 'always' ? this.#stopping.signal : signal);
    this.#track(begun, signal);
  }

  #contextOfRun(): EffectContext {
    const { run } = this.#state;
    const { signal } = this.#run;
    const isCurrent = () => run === this.#state.run;
    return {
      ...this.#options,
      ...{ runner: this.#runner, health: this.#health, life: this.#life, delays: this.#delays, signal },
      state: this.#state,
      dispatch: (event) => isCurrent() && this.dispatch(event),
      dispatchAlways: (event) => this.dispatch(event),
      progress: (fraction, detail) => isCurrent() && this.#setProgress(fraction, detail),
      listenerFor: (runnable, watched, record) => this.#listenerFor(runnable, watched, record),
      report: ({ what }) => this.#report(what),
    };
  }

  /** What replaces the runner happens one after the other, in the order of its decisions. */
  #afterRunner(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const done = this.#runnerIdle.then(() => (signal.aborted ? undefined : work()));
    this.#runnerIdle = done.catch(() => undefined); // reported by whoever tracks `done`
    return done;
  }

  #track(work: Promise<void>, signal: AbortSignal = this.#stopping.signal): void {
    const { ports, onBroken } = this.#options;
    const settled = work.catch((error: unknown) => {
      if (error instanceof OctetError && error.code === 'STORE_FAILED') onBroken(error);
      // On a stop, or when the run is over, everything is interrupted; what was to be done is in the store.
      if (!signal.aborted && !this.#stopping.signal.aborted)
        ports.log.error({ slot: this.slot, error: errorRecordFrom(error) }, 'effect failed');
    });
    this.#running.add(settled);
    void settled.finally(() => this.#running.delete(settled));
  }

  #setProgress(fraction: number, detail: string): void {
    this.#progress = { fraction: Math.round(fraction * 100) / 100, detail };
    this.#options.onChange();
    this.#report('current');
  }

  #report(what: 'current' | 'ended'): void {
    const { phase, order, error, ended } = this.#state;
    const common = { slot: this.slot, progress: this.#progress.fraction, detail: this.#progress.detail };
    if (what === 'ended') {
      if (ended) this.#options.onOrder({ ...common, progress: 1, detail: '', ...ended });
    } else if (order !== null && order.jobId !== null) {
      const { jobId } = order;
      this.#options.onOrder({ ...common, jobId, state: phase, error: isSettled(this.#state) ? error : null });
    }
  }

  #listenerFor(runnable: Runnable, watched: Watched, record?: RecordSpec): RunnerListener {
    const { ports, openDecisions, onDecisions, onCrash, announce } = this.#options;
    return listenToRunner({
      ...{ watched, openDecisions, onDecisions, onCrash, health: this.#health, life: this.#life },
      dispatch: (event) => this.dispatch(event),
      onHeard: () => {
        this.#heardMs = ports.clock.monotonicMs();
      },
      announce: (type, severity, { code, message }) =>
        announce({ kind: 'announce', type, severity, text: `${code}  ${message}` }),
      recording: record && this.#liveRecording(runnable, record),
    });
  }

  /** The active runner records: when there is enough, it is replaced by one that does not, which closes the recording. */
  #liveRecording(runnable: Runnable, record: RecordSpec): LiveRecording {
    const { windows } = this.#options.slot.calibration;
    const context = this.#contextOfRun();
    const finish = async () => {
      const run = async () => performers.run({ kind: 'run', runnable, isRecording: false }, context);
      await this.#afterRunner(run, context.signal);
      context.dispatch({ kind: 'recorded', folder: record.folder });
    };
    return {
      ...{ record, windows },
      onProgress: (got) => context.progress(Math.min(1, got / windows), `recorded ${got} of ${windows} windows`),
      onEnough: () => this.#track(finish(), context.signal),
    };
  }
}
