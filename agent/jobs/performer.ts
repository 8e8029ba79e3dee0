/** What carries out a type of job, and what it may use. */

import type { JobArgs, JobType } from '../protocol/orders.ts';
import type { JobChange, StoredJob } from './job.ts';

export type JobContext = {
  readonly job: StoredJob;
  /** Aborted with CANCELLED when somebody cancels the job. */
  readonly cancelled: AbortSignal;
  /** Aborted when the agent stops: the job goes on after the next start. */
  readonly stopped: AbortSignal;
  /** It goes on from where the agent's end left it. */
  readonly isResumed: boolean;
  enter(state: JobChange['state'], detail?: string): void;
  progress(fraction: number, detail: string): void;
};

/** @returns how it ended. @throws what makes it `failed`; when aborted, anything. */
export type Performer<T extends JobType> = (args: JobArgs<T>, context: JobContext) => Promise<JobChange>;

export type Performers = { readonly [T in JobType]: Performer<T> };
