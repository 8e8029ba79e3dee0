/**
 * Everything about orders, joined: keys, twin, jobs, requests and the intake in front of them. The composition root makes one
 * of these, and gives it what the rest of the agent is: slots, publications, a link.
 */

import { OctetError } from '../../runtime/base/errors.ts';
import type { AgentConfig } from '../config.ts';
import type { ModelRef, Runnable } from '../deployment/state.ts';
import type { Shown } from '../health/assess.ts';
import { Jobs } from '../jobs/jobs.ts';
import { type ActiveSlot, createPerformers } from '../jobs/performers.ts';
import { SlotOrders } from '../jobs/slot-orders.ts';
import type { Arrived, PublishOptions } from '../link/connect-once.ts';
import type { Ports } from '../ports.ts';
import type { JobState, Reported } from '../protocol/messages.ts';
import type { OperatorKey } from '../protocol/orders.ts';
import type { Publications } from '../publications.ts';
import { createAnswers } from '../requests/answers.ts';
import { Requests } from '../requests/requests.ts';
import { selfCheck } from '../requests/self-check.ts';
import type { Store } from '../store/open-store.ts';
import { Twin } from '../twin/twin.ts';
import { Intake } from './intake.ts';
import { KeyRing } from './key-ring.ts';
import type { OrderProgress, OrderTaker } from './order.ts';
import { Refusals } from './refusals.ts';

/** A slot, as orders and questions see it. */
export type DeskSlot = OrderTaker & {
  readonly reported: Reported['slots'][number];
  readonly runnerPid: number | undefined;
  readonly state: {
    readonly active: Runnable | null;
    readonly model: ModelRef | null;
    readonly recording: string | null;
    readonly trials: Reported['slots'][number]['trials'] | readonly Reported['slots'][number]['trials'][number][];
  };
  restartRunner(): Promise<void>;
};

export type DeskOptions = {
  readonly config: Pick<AgentConfig, 'device' | 'slots'>;
  readonly ports: Ports;
  readonly store: Store;
  readonly publications: Publications;
  /** Pinned by the file that the configuration names. */
  readonly operatorKeys: readonly OperatorKey[];
  /** Asked for each time: they are made after the desk. */
  readonly slots: () => readonly DeskSlot[];
  /** Whether the wall clock can be believed. */
  readonly isClockRight: () => boolean;
  /** What is wrong with the device. */
  readonly shown: () => readonly Shown[];
  /** Messages that wait for the broker. */
  readonly waiting: () => number;
  readonly say: (topic: string, payload: string, options: PublishOptions) => void;
  /** A retained message that is worthless later. */
  readonly show: (message: { topic: string; payload: string }) => void;
  /** Something was put into the outbox that should not wait a second. */
  readonly onUrgent: () => void;
  /** What `reported` shows has changed. */
  readonly onChange: () => void;
  readonly onBroken: (error: unknown) => void;
  /** Ends the agent, so that it is started again. */
  readonly stopAgent: () => void;
  readonly signal: AbortSignal;
};

export class OrderDesk implements AsyncDisposable {
  readonly #options: DeskOptions;
  readonly #keys: KeyRing;
  readonly #twin: Twin;
  readonly #jobs: Jobs;
  readonly #orders: SlotOrders;
  readonly #refusals: Refusals;
  readonly #intake: Intake;

  constructor(options: DeskOptions) {
    this.#options = options;
    const { config, ports, store, publications, operatorKeys, slots, onChange, onBroken, signal, say } = options;
    const { clock, log } = ports;
    const { isClockRight } = options;
    this.#keys = new KeyRing(store, operatorKeys);
    this.#orders = new SlotOrders(slots);
    this.#jobs = new Jobs({
      ...{ store, clock, log, onBroken, performers: this.#performers() },
      publish: (state) => this.#publish(state),
      show: (state) => options.show(publications.jobProgress(state)),
      clear: (job) => publications.clearJob(job),
    });
    this.#twin = new Twin({ store, jobs: this.#jobs });
    const onEvent = (text: string, data: unknown) => publications.event('order-refused', 'warning', text, data);
    this.#refusals = new Refusals({ clock, onEvent, onChange });
    const requests = new Requests({ ...{ device: config.device, clock, say, signal }, answers: this.#answers() });
    this.#intake = new Intake({
      ...{ device: config.device, clock, log, isClockRight, onBroken },
      ...{ keys: this.#keys, twin: this.#twin, jobs: this.#jobs, refusals: this.#refusals },
      onRequest: (name, claims, arrived, isEarly) => void requests.take(name, claims, arrived, isEarly),
      onWaiting: (id, type) => this.#showWaiting(id, type),
    });
  }

  /** Goes on with the jobs that had not settled. The slots must be there, and started. */
  start(): void {
    this.#jobs.start();
  }

  /** A message from the broker. */
  take(arrived: Arrived): void {
    this.#intake.take(arrived);
  }

  /** Resolves when all messages so far are dealt with. */
  get idle(): Promise<void> {
    return this.#intake.idle;
  }

  /** Once a second. */
  tick(): void {
    this.#intake.recheck();
    this.#refusals.tick();
    const { ports, isClockRight } = this.#options;
    if (isClockRight()) this.#jobs.forget(Math.floor(ports.clock.wallMs() / 1000));
  }

  /** A slot says how far an order has come. */
  note(progress: OrderProgress): void {
    this.#orders.note(progress);
  }

  /** The broker has forgotten what it kept. */
  sayAgain(): void {
    this.#jobs.sayAgain();
  }

  get reported(): Reported {
    return {
      desiredVersion: this.#twin.desired?.version ?? 0,
      slots: this.#options.slots().map(({ reported }) => reported),
      keys: this.#keys.keys.map(({ kid }) => kid),
      clock: this.#options.isClockRight() ? 'synchronised' : 'unsynchronised',
      refused: [...this.#refusals.latest],
    };
  }

  /** Code → orders refused with it since the start. */
  get refusedCounts(): ReadonlyMap<string, number> {
    return this.#refusals.counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jobs[Symbol.asyncDispose]();
    await this.#intake.idle;
  }

  #publish(state: JobState): void {
    this.#options.publications.jobState(state);
    this.#options.onUrgent();
  }

  #showWaiting(job: string, type: string): void {
    const { show, publications, ports } = this.#options;
    const detail = 'waits until the clock is synchronised: before that nobody can tell whether it has expired';
    const waiting = {
      job,
      type,
      state: 'queued',
      seq: 1,
      progress: 0,
      detail,
      since: ports.clock.wallMs(),
      error: null,
    } as const;
    show(publications.jobProgress(waiting));
  }

  #performers() {
    const { ports, store, publications, onChange, stopAgent } = this.#options;
    return createPerformers({
      ...{ clock: ports.clock, store, slots: this.#orders, keys: this.#keys, logTail: ports.logTail },
      ...{ readModel: ports.readModel, runBench: ports.runBench, onKeys: onChange },
      jobs: () => this.#jobs,
      activeSlot: (slot) => this.#activeSlot(slot),
      publishBench: (runnable, report) => publications.benchReport(runnable, report),
      publishLog: (job, lines) => publications.log(job, lines),
      restartAgent: () => {
        if (!ports.isSupervised)
          throw new OctetError('ORDER_REJECTED', 'restart: expected a service manager that starts the agent again', {
            hint: 'Run it as a systemd service.',
          });
        stopAgent();
      },
      restartRunner: async (slot) => this.#slot(slot).restartRunner(),
    });
  }

  #answers() {
    const { ports, waiting } = this.#options;
    const { clock, version, logTail, readSystem, readModel, runBench } = ports;
    return createAnswers({
      ...{ clock, version, logTail, readSystem, readModel, runBench, waiting },
      reported: () => this.reported,
      refusedCounts: () => this.refusedCounts,
      unsettledJobs: () => this.#jobs.unsettled,
      desired: () => this.#twin.desired,
      activeSlot: (slot) => this.#activeSlot(slot),
      trials: (slot) => this.#slot(slot).state.trials,
      selfCheck: () => this.#selfCheck(),
    });
  }

  #selfCheck() {
    const { shown, waiting, slots } = this.#options;
    return selfCheck({
      ...{ shown: shown(), waiting: waiting(), keys: this.#keys.keys.length },
      slots: slots().map(({ reported }) => reported),
      runnerPids: slots().map(({ runnerPid }) => runnerPid),
    });
  }

  #slot(name: string | undefined): DeskSlot {
    const slots = this.#options.slots();
    const found = name === undefined ? slots[0] : slots.find(({ slot }) => slot === name);
    if (found) return found;
    throw new OctetError('ORDER_REJECTED', `slot: expected one of ${slots.map(({ slot }) => slot)}, got ${name}`);
  }

  #activeSlot(name: string | undefined): ActiveSlot {
    const { slot, state } = this.#slot(name);
    const threads = this.#options.config.slots.find((configured) => configured.slot === slot)?.threads ?? 1;
    const isOfActive = state.model?.digest === state.active?.model.digest;
    return { slot, threads, active: state.active, recording: isOfActive ? state.recording : null };
  }
}
