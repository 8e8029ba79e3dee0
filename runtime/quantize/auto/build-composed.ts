/** A composed recipe on a prepared model: rewrite, then each part on what the parts before left float. */
import type { Samples } from '../../data/samples.ts';
import { parseModel } from '../../graph/load.ts';
import type { Model } from '../../graph/model.ts';
import { encodeModel } from '../../graph/save.ts';
import type { NodeOutcome } from '../messages.ts';
import type { Observation } from '../observe.ts';
import { buildVariant } from '../quantize.ts';
import type { Recipe } from '../recipe.ts';

export type Built =
  | { readonly ok: true; readonly bytes: Uint8Array<ArrayBuffer>; readonly outcomes: readonly NodeOutcome[] }
  | { readonly ok: false; readonly reason: string };

/**
 * @param model prepared and rewritten; @param observation with every observer of the static parts, taken on this model.
 * @param samples for parts with accuracy methods, which without them are left out.
 * @returns the outcomes of the nodes of `model`, in its order. Opens sessions.
 */
export async function buildParts(
  model: Model,
  parts: readonly Recipe[],
  observation: Observation,
  samples?: Samples,
): Promise<Built> {
  let current = model;
  let bytes = encodeModel(model) as Uint8Array<ArrayBuffer>;
  const outcomes = new Map<string, NodeOutcome>();
  for (const part of parts) {
    const built = await buildVariant(current, part, samples, observation);
    if (!built.ok) return { ok: false, reason: built.reason };
    for (const outcome of built.outcomes) if (!outcomes.get(outcome.node)?.kernel) outcomes.set(outcome.node, outcome);
    bytes = built.bytes as Uint8Array<ArrayBuffer>;
    current = { ...parseModel(bytes, { origin: model.origin }), origin: model.origin };
  }
  const nodes = model.graph.nodes.flatMap(({ name }) => outcomes.get(name) ?? []);
  return { ok: true, bytes, outcomes: nodes };
}
