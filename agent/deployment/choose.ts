/** What is done with a model that was pulled, and with a variant that was chosen. */
import { compareVersions } from '../../models/version.ts';
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { Stepped } from './events.ts';
import { type Choice, type DeploymentState, enter, type ModelRef } from './state.ts';

/** Goes on with what was chosen; when that runs already, there is nothing to activate. */
export function choose(state: DeploymentState, { runnable, trials, alternatives = [] }: Choice): Stepped {
  const chosen = { ...state, trials, alternatives };
  if (runnable.sha256 === state.active?.sha256)
    return [{ ...enter(chosen, 'confirming'), active: runnable }, [{ kind: 'confirm', runnable }]];
  const next = { ...chosen, candidate: runnable };
  // float32 is what a shadow is compared with.
  if (runnable.variant === 'float32') return [enter(next, 'activating'), [{ kind: 'activate', runnable }]];
  return [enter(next, 'shadowing'), [{ kind: 'shadow', runnable }]];
}

/** Why what the repository gave is not what the order means; undefined when it is. */
export function unsuitable({ order, active }: DeploymentState, model: ModelRef): ErrorRecord | undefined {
  if (order === null || order.digest === null) return undefined;
  if (model.digest !== order.digest)
    return {
      code: 'SIGNATURE_INVALID',
      message: `${order.target}: expected a manifest with SHA-256 ${order.digest}, got ${model.digest}`,
      hint: `Order the digest that the repository has now, or name the version: ${model.name}@<version>`,
    };
  const isOlder = active?.model.name === model.name && compareVersions(model.version, active.model.version) < 0;
  if (order.policy.allowDowngrade === true || !isOlder) return undefined;
  return {
    code: 'ORDER_DOWNGRADE',
    message: `${model.name}: expected version ${active.model.version} or newer, got ${model.version}`,
    hint: 'To go back on purpose, order a rollback, or deploy with the downgrade allowed.',
  };
}
