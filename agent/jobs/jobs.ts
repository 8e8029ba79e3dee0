/**
 * All jobs of the device. A job is stored before anything is done about it, every state before its effects; after a restart
 * what had not settled goes on. A job that is known is never run again: it only says its state again.
 */

import type { Clock } from '../../runtime/base/clock.ts';
import { type ErrorRecord, errorRecordFrom, OctetError } from '../../runtime/base/errors.ts';
import type { Logger } from '../../runtime/base/log.ts';
import { type OrderRefusal, refusal } from '../orders/verify.ts';
import type { JobState } from '../protocol/messages.ts';
import type { JobArgs, JobType } from '../protocol/orders.ts';
import type { Store } from '../store/open-store.ts';
import { isDiskFull } from '../store/store-error.ts';
import { changeJob, isSettledState, type JobChange, jobMessage, type StoredJob } from './job.ts';
import type { JobContext, Performer, Performers } from './performer.ts';

/** A job whose order has been verified. */
export type GivenJob = {
  readonly id: string;
  readonly hash: string;
  /** Unix seconds; null: its version says whether it can be given again. */
  readonly expiresS: number | null;
  readonly type: JobType;
  readonly args: JobArgs;
  readonly operator: string;
  readonly kid: string;
};

export type JobsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly performers: Performers;
  /** A state, to be kept until the broker has it. */
  readonly publish: (message: JobState) => void;
  /** Progress within a state: worthless later. */
  readonly show: (message: JobState) => void;
  /** It is forgotten: its retained state goes. */
  readonly clear: (job: string) => void;
  /** The store is broken: the agent must not go on without it. */
  readonly onBroken: (error: unknown) => void;
};

/** More are refused: nobody has so much in mind at once, and each is memory. */
const maxUnsettled = 32;
/** A job in whose midst the agent ended so often is taken for the cause of it. */
const maxResumed = 3;
/** A deployment counts for itself, and may well outlast many starts while it waits for its repository. */
const slotJobs: readonly JobType[] = ['deploy', 'recalibrate', 'rollback'];
/** What has expired is remembered so long, for whoever still wants to read its end. */
const rememberSeconds = 7 * 86_400;
const showIntervalMs = 500;
/** The end of what has no expiry can be read for so long. */
const versionedSeconds = 30 * 86_400;
/** Orders that expired up to here may have been forgotten: such an order is refused whatever the clock says. */
const forgottenUntil = 'jobs-forgotten-until';

/** Stands for the hash of a job that nobody has seen. */
const cancelledAhead = 'cancelled ahead';
/** No job waits longer for a device. */
const cancelledAheadSeconds = 366 * 86_400;

type Running = { readonly abort: AbortController; readonly done: Promise<void>; shownMs: number };

export class Jobs implements AsyncDisposable {
  readonly #options: JobsOptions;
  readonly #stopping = new AbortController();
  readonly #jobs = new Map<string, StoredJob>();
  readonly #running = new Map<string, Running>();

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Unsettled jobs, in the order in which they were given. */
  get unsettled(): readonly StoredJob[] {
    return [...this.#jobs.values()];
  }

  /** Goes on with what had not settled when the agent ended. */
  start(): void {
    for (const { job } of this.#options.store.jobs.unsettled()) {
      const stored = JSON.parse(job) as StoredJob;
      const resumed = { ...stored, resumed: stored.resumed + 1 };
      this.#jobs.set(resumed.id, resumed);
      this.#put(resumed);
      if (resumed.resumed > maxResumed && !slotJobs.includes(resumed.type))
        this.#change(resumed.id, { state: 'failed', error: interrupted(resumed) });
      else this.#run(resumed, true);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new OctetError('CANCELLED', 'the agent stops'));
    await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
  }

  /**
   * Takes a job, or says why not. To be called inside a transaction when it must be stored together with something else;
   * `begin` then starts it.
   * @returns what begins it; for one that is known, what says its state again.
   */
  admit(given: GivenJob): { readonly ok: true; readonly begin: () => void } | OrderRefusal {
    const { store, clock, show } = this.#options;
    const known = store.jobs.get(given.id);
    if (known) {
      if (known.hash !== given.hash && known.hash !== cancelledAhead)
        return refusal('ORDER_CONFLICT', `job ${given.id}: expected what was given before under this id, got another`);
      const job = JSON.parse(known.job) as StoredJob;
      return { ok: true, begin: () => show(jobMessage(job)) };
    }
    if (given.expiresS !== null && given.expiresS <= store.meta.get(forgottenUntil))
      return refusal('ORDER_EXPIRED', `job ${given.id}: expired so long ago that it may have been done before`);
    if (this.#jobs.size >= maxUnsettled)
      return refusal('ORDER_REJECTED', `job ${given.id}: expected at most ${maxUnsettled} jobs at once`);
    const job = newJob(given, clock.wallMs());
    const expiresS = given.expiresS ?? Math.floor(clock.wallMs() / 1000) + versionedSeconds;
    store.jobs.put({
      id: job.id,
      hash: given.hash,
      expiresS,
      isSettled: false,
      job: JSON.stringify(job),
    });
    return { ok: true, begin: () => this.#begin(job) };
  }

  /** `admit` and begin in a transaction of their own. @throws DISK_FULL: then nothing has happened. */
  take(given: GivenJob): OrderRefusal | undefined {
    const admitted = this.#options.store.stateTransaction(() => this.admit(given));
    if (!admitted.ok) return admitted;
    admitted.begin();
    return undefined;
  }

  /** @returns false when there is no such job under way. */
  cancel(id: string): boolean {
    const running = this.#running.get(id);
    running?.abort.abort(new OctetError('CANCELLED', `job ${id} was cancelled`));
    return running !== undefined;
  }

  /** Of a job that has not arrived yet: stores its end, so that it will not begin. @param by the job that cancels it. */
  cancelAhead(id: string, by: StoredJob): void {
    const { store, clock, publish } = this.#options;
    const expiresS = Math.floor(clock.wallMs() / 1000) + cancelledAheadSeconds;
    const error = errorRecordFrom(new OctetError('CANCELLED', `job ${id} was cancelled before it arrived`));
    const job: StoredJob = { ...by, id, state: 'cancelled', seq: 1, sinceMs: clock.wallMs(), detail: '', error };
    const row = { id, hash: cancelledAhead, expiresS, isSettled: true, job: JSON.stringify(job) };
    store.stateTransaction(() => store.jobs.put(row));
    publish(jobMessage(job));
  }

  has(id: string): boolean {
    return this.#options.store.jobs.get(id) !== undefined;
  }

  /** The broker has forgotten what it kept: says the newest states again. */
  sayAgain(): void {
    const rows = this.#options.store.jobs.latest(maxUnsettled).reverse();
    for (const { job } of rows) this.#options.publish(jobMessage(JSON.parse(job) as StoredJob));
  }

  /** Forgets what expired long ago. @param nowSeconds by a clock that can be believed. */
  forget(nowSeconds: number): void {
    const { store, clear } = this.#options;
    const old = store.jobs.expiredBefore(nowSeconds - rememberSeconds, 64);
    if (old.length === 0) return;
    store.stateTransaction(() => {
      for (const { id, expiresS } of old) {
        store.jobs.delete(id);
        store.meta.raise(forgottenUntil, expiresS);
      }
    });
    for (const { id } of old) clear(id);
  }

  #begin(job: StoredJob): void {
    this.#jobs.set(job.id, job);
    this.#options.publish(jobMessage(job));
    this.#run(job, false);
  }

  #run(job: StoredJob, isResumed: boolean): void {
    const abort = new AbortController();
    const done = this.#perform(job, abort.signal, isResumed)
      .catch(this.#options.onBroken)
      .finally(() => this.#running.delete(job.id));
    this.#running.set(job.id, { abort, done, shownMs: Number.NEGATIVE_INFINITY });
  }

  async #perform(job: StoredJob, cancelled: AbortSignal, isResumed: boolean): Promise<void> {
    const { performers, log } = this.#options;
    const context: JobContext = {
      ...{ job, cancelled, isResumed, stopped: this.#stopping.signal },
      enter: (state, detail = '') => this.#change(job.id, { state, detail }),
      progress: (fraction, detail) => this.#show(job.id, fraction, detail),
    };
    const perform = performers[job.type] as Performer<JobType>;
    try {
      // A turn later: whoever gave it has finished with its own state by then.
      await Promise.resolve();
      const end = await perform(job.args as never, context);
      if (!this.#stopping.signal.aborted) this.#change(job.id, end);
    } catch (cause) {
      // On a stop nothing is concluded: the next start goes on with it.
      if (this.#stopping.signal.aborted) return;
      log.info({ job: job.id, error: errorRecordFrom(cause) }, 'job ended');
      this.#change(job.id, endFrom(cause, cancelled));
    }
  }

  #change(id: string, change: JobChange): void {
    const job = this.#jobs.get(id);
    const next = job && changeJob(job, change, this.#options.clock.wallMs());
    if (next === undefined || next === job) return;
    if (isSettledState(next.state)) this.#jobs.delete(id);
    else this.#jobs.set(id, next);
    this.#put(next);
    this.#options.publish(jobMessage(next));
  }

  #put(job: StoredJob): void {
    const { store, log } = this.#options;
    const row = { id: job.id, hash: '', expiresS: 0, isSettled: isSettledState(job.state), job: JSON.stringify(job) };
    try {
      store.stateTransaction(() => store.jobs.put(row));
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      // Not even the reserve has room. After a restart it would go on from its state before, and come to the same end.
      log.error({ job: job.id, error: errorRecordFrom(error) }, 'the state of a job could not be stored');
    }
  }

  #show(id: string, fraction: number, detail: string): void {
    const [job, running] = [this.#jobs.get(id), this.#running.get(id)];
    const nowMs = this.#options.clock.monotonicMs();
    if (!job || !running || nowMs - running.shownMs < showIntervalMs) return;
    running.shownMs = nowMs;
    this.#options.show(jobMessage(job, Math.min(1, Math.max(0, fraction)), detail));
  }
}

function newJob({ id, type, args, operator, kid }: GivenJob, nowMs: number): StoredJob {
  const start = { state: 'queued', seq: 2, sinceMs: nowMs, detail: '', error: null, resumed: 0 } as const;
  return { id, type, args, operator, kid, ...start };
}

function endFrom(cause: unknown, cancelled: AbortSignal): JobChange {
  if (cancelled.aborted) return { state: 'cancelled', error: errorRecordFrom(cancelled.reason) };
  const error = errorRecordFrom(cause);
  return { state: endStates[error.code] ?? 'failed', error };
}

const endStates: Readonly<Partial<Record<ErrorRecord['code'], JobChange['state']>>> = {
  ORDER_REJECTED: 'rejected',
  DEVICE_TIMEOUT: 'timed_out',
};

function interrupted({ id, resumed }: StoredJob): ErrorRecord {
  return {
    code: 'ORDER_REJECTED',
    message: `job ${id}: expected it to finish, got ${resumed} ends of the agent in the middle of it`,
    hint: 'Look at the journal around those times: journalctl -u octet',
  };
}
