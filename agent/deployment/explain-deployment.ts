/** A stored deployment in plain words: what runs, who asked for it, what it came from, and what is gone back to. Pure. */
import type { Section } from '../../runtime/select/explain.ts';
import type { DeploymentState, Runnable } from './state.ts';

export function explainDeployment(slot: string, state: DeploymentState): Section {
  const { active, previous, demotedFrom, phase, sinceMs, error, recording } = state;
  const lines = [
    active === null ? 'Nothing runs.' : `${nameOf(active)} runs: ${active.verdict}`,
    `State ${phase} since ${new Date(sinceMs).toISOString().slice(0, 19).replace('T', ' ')} UTC${error ? `: ${error.message}` : ''}`,
    ...orderLines(state),
    ...(active === null
      ? []
      : [
          `Model ${active.model.digest} (SHA-256 of its manifest), verified from the pinned root of the repository down`,
        ]),
    ...(active === null ? [] : [`File ${active.sha256}  ${active.path}`]),
    ...(recording === null ? [] : [`Calibrated and judged with ${recording}`]),
    ...(demotedFrom === null ? [] : [`In place of ${nameOf(demotedFrom)}, which is too much for the board now`]),
    ...(previous === null ? [] : [`Gone back to if it does not stay well: ${nameOf(previous)}`]),
  ];
  return { title: `Slot ${slot}`, lines };
}

function orderLines({ order }: DeploymentState): string[] {
  if (order === null) return [];
  const by =
    order.jobId === null ? (order.because ?? "the device's own configuration") : `the signed order ${order.jobId}`;
  return [`Asked for by ${by}: ${order.kind} ${order.target}`];
}

function nameOf({ model, variant }: Runnable): string {
  return `${model.name} ${model.version} as ${variant}`;
}
