/**
 * Quantises as early as possible: a Transpose or Squeeze before the first convolution moves bytes instead of floats when its
 * input is quantised rather than its output, and the layout changes around the convolution can cancel.
 */
import type { Links } from '../../graph/links.ts';
import type { Node } from '../../graph/model.ts';
import type { Unit } from './unit.ts';

/** Operators that keep all values, so that their input has the range of their output. */
const keepAll: ReadonlySet<string> = new Set(['Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);

/**
 * The units with such nodes among them, which are taken from `floats`: those whose output nobody reads but units.
 * @param moverOf the unit around a node that moves values, if it can be one.
 */
export function extendUpstream(
  units: readonly Unit[],
  floats: Map<Node, string>,
  { producers, consumers, outputs }: Links,
  moverOf: (node: Node) => Unit | undefined,
): Unit[] {
  const all = new Map(units.map((unit) => [unit.node, unit]));
  const isReadInInt8 = (name: string) =>
    !outputs.has(name) && (consumers.get(name) ?? []).every((node) => all.get(node)?.activations.includes(name));
  // The list grows while it is walked: what stands before a mover may be one itself.
  const pending = units.flatMap(({ activations }) => activations);
  for (const name of pending) {
    const node = producers.get(name);
    if (!node || all.has(node) || !floats.has(node) || !keepAll.has(node.opType) || !isReadInInt8(name)) continue;
    const unit = moverOf(node);
    if (!unit) continue;
    all.set(node, unit);
    floats.delete(node);
    pending.push(...unit.activations);
  }
  return [...all.values()];
}
