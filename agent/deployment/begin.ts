/** How a deployment begins: by an order, by the configuration, or by what the device found out itself. */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { DeployOrder, RecalibrateOrder, RollBackOrder, SlotOrder } from '../orders/order.ts';
import { settle, supersede } from './end.ts';
import type { Stepped } from './events.ts';
import { type CurrentOrder, type DeploymentState, enter, isSettled } from './state.ts';

/** Whatever is begun ends: a device that is switched on gives up after a day. */
export const defaultDeadlineMs = 24 * 3_600_000;

export function begin(state: DeploymentState, order: CurrentOrder, leftMs: number = defaultDeadlineMs): Stepped {
  const fresh = { ...enter(state, 'queued'), order, leftMs, run: state.run + 1, candidate: null, attempts: 0 };
  return [fresh, [{ kind: 'admit' }]];
}

/** What the local configuration asks for: the newest version of its target. */
export function configuredOrder(state: DeploymentState, target: string = state.order?.target ?? ''): CurrentOrder {
  return { kind: 'deploy', target, digest: null, policy: {}, jobId: null, because: null };
}

/** Takes an order. The same one again only says how it stands; another one supersedes what is under way. */
export function accept(state: DeploymentState, order: SlotOrder): Stepped {
  if (order.jobId === state.ended?.jobId) return [state, [{ kind: 'report', what: 'ended' }]];
  if (order.jobId === state.order?.jobId) return [state, [{ kind: 'report', what: 'current' }]];
  const [free, ending] = isSettled(state) ? [state, []] : supersede(state);
  const take = takers[order.kind] as (state: DeploymentState, order: SlotOrder) => Stepped;
  const [next, effects] = take(free, order);
  return [next, [...ending, ...effects]];
}

const takers = {
  deploy: (state: DeploymentState, { target, digest, policy = {}, jobId, deadlineMs }: DeployOrder): Stepped =>
    begin(state, { kind: 'deploy', target, digest, policy, jobId, because: null }, deadlineMs),

  recalibrate: (state: DeploymentState, { jobId, deadlineMs }: RecalibrateOrder): Stepped => {
    const base = state.order ?? configuredOrder(state);
    const order = { ...base, kind: 'recalibrate' as const, jobId, because: null };
    return calibrateAnew(state, order, deadlineMs);
  },

  rollback: (state: DeploymentState, { jobId, deadlineMs }: RollBackOrder): Stepped => {
    const { previous: back } = state;
    const base = state.order ?? configuredOrder(state);
    // The digest pins it: what is newer in the repository is what was just left.
    const digest = back?.model.digest ?? base.digest;
    const order: CurrentOrder = { ...base, kind: 'rollback', digest, jobId, because: null };
    const [begun] = begin(state, order, deadlineMs);
    if (back === null) return settle(begun, 'rejected', nothingToGoBackTo);
    const next = { ...enter(begun, 'activating'), model: back.model, candidate: back };
    return [next, [{ kind: 'activate', runnable: back }]];
  },
} as const;

/** Records, builds and measures anew for the model that is active. */
export function calibrateAnew(state: DeploymentState, order: CurrentOrder, leftMs?: number): Stepped {
  const [begun] = begin(state, order, leftMs);
  if (state.active === null) return settle(begun, 'rejected', nothingToCalibrate);
  const { model } = state.active;
  const next = { ...enter(begun, 'verifying'), model, recording: null, generation: state.generation + 1 };
  return [next, [{ kind: 'verify', model }]];
}

const nothingToGoBackTo: ErrorRecord = {
  code: 'DEPLOYMENT_FAILED',
  message: 'rollback: expected a deployment before this one, got none',
  hint: 'Deploy the version you want instead.',
};

const nothingToCalibrate: ErrorRecord = {
  code: 'DEPLOYMENT_FAILED',
  message: 'recalibration: expected an active model, got none',
  hint: 'Deploy a model first.',
};
