/** What the agent and its helper process say to each other over IPC: one piece of work per process, progress, one outcome. */
import type { PulledModel, PullProgress, PullRequest } from '../../models/pull.ts';
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { InputProfile } from '../../runtime/infer/input-profile.ts';
import type { ProfileRequest } from '../../runtime/infer/profile-inputs.ts';
import type { BenchReport } from '../../runtime/measure/bench-report.ts';
import type { SelectionProgress, SelectionRequest, SelectionResult } from '../../runtime/select/selection.ts';
import type { BenchWork } from '../jobs/performers.ts';
import type { DeviceInfo } from '../ports.ts';

/** Work by name: what it takes, what it tells on the way, what comes out. */
export type HelperWork = {
  pull: {
    request: Pick<PullRequest, 'url' | 'rootFile' | 'target' | 'storeFolder' | 'budget'>;
    progress: PullProgress;
    result: PulledModel;
  };
  select: { request: SelectionRequest; progress: SelectionProgress; result: SelectionResult };
  bench: { request: BenchWork; progress: number; result: BenchReport };
  profile: { request: ProfileRequest; progress: never; result: InputProfile };
  probe: { request: Record<string, never>; progress: never; result: DeviceInfo };
};

export type WorkName = keyof HelperWork;

export type HelperRequest = {
  [K in WorkName]: { readonly work: K; readonly request: HelperWork[K]['request'] };
}[WorkName];

export type HelperEvent<K extends WorkName = WorkName> =
  | { readonly kind: 'progress'; readonly progress: HelperWork[K]['progress'] }
  | { readonly kind: 'done'; readonly result: HelperWork[K]['result'] }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
