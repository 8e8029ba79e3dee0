/** What is stored of a job, and how it changes: plain records, pure functions. */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { JobState, State } from '../protocol/messages.ts';
import type { JobType } from '../protocol/orders.ts';

export type StoredJob = {
  readonly id: string;
  readonly type: JobType;
  readonly args: unknown;
  /** Who gave it, and with which key: an active model can be followed back to a signature. */
  readonly operator: string;
  readonly kid: string;
  readonly state: State;
  /** One more with every change of state. */
  readonly seq: number;
  readonly sinceMs: number;
  readonly detail: string;
  readonly error: ErrorRecord | null;
  readonly result?: unknown;
  /** Starts of the agent in the middle of it. */
  readonly resumed: number;
};

export type JobChange = {
  readonly state: State;
  readonly detail?: string;
  readonly error?: ErrorRecord | null;
  readonly result?: unknown;
};

const settledStates: readonly State[] = ['succeeded', 'failed', 'rejected', 'cancelled', 'timed_out', 'rolled_back'];

export function isSettledState(state: State): boolean {
  return settledStates.includes(state);
}

/** The job after a change; itself when nothing changes. What has settled never moves again. */
export function changeJob(job: StoredJob, change: JobChange, nowMs: number): StoredJob {
  if (isSettledState(job.state) || change.state === job.state) return job;
  const { state, detail = '', error = null, result } = change;
  const found = result === undefined ? {} : { result };
  return { ...job, state, detail, error, seq: job.seq + 1, sinceMs: nowMs, ...found };
}

/** What is published of it. @param progress within the state, 0 to 1. */
export function jobMessage(
  job: StoredJob,
  progress = isSettledState(job.state) ? 1 : 0,
  detail = job.detail,
): JobState {
  const { id, type, state, seq, sinceMs, error, result } = job;
  return {
    ...{ job: id, type, state, seq, progress, detail, since: sinceMs },
    error: error && { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) },
    ...(result === undefined ? {} : { result }),
  };
}
