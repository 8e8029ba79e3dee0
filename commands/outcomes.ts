/** The table of what became of each node: integer kernels in groups, float nodes by reason. */
import pico from 'picocolors';
import type { NodeOutcome } from '../runtime/quantize/messages.ts';

/** Lines for people: `int8   QLinearConv   9 Conv, 7 Relu`. */
export function outcomeLines(outcomes: readonly NodeOutcome[]): string[] {
  const inInt8 = outcomes.filter(({ kernel }) => kernel !== undefined);
  const inFloat = outcomes.filter(({ kernel }) => kernel === undefined);
  const kernels = Map.groupBy(inInt8, ({ kernel }) => kernel ?? '');
  const reasons = Map.groupBy(inFloat, ({ reason }) => reason ?? '');
  const width = Math.max(0, ...[...kernels.keys()].map((kernel) => kernel.length));
  return [
    ...Array.from(kernels, ([kernel, nodes]) => `${pico.green('int8 ')}  ${kernel.padEnd(width)}  ${tally(nodes)}`),
    ...Array.from(reasons, ([reason, nodes]) => `${pico.yellow('float')}  ${naming(nodes)}: ${reason}`),
  ];
}

/** `9 Conv, 7 Relu`. */
export function tally(nodes: readonly { readonly opType: string }[]): string {
  const byType = Map.groupBy(nodes, ({ opType }) => opType);
  return [...byType]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([opType, { length }]) => `${length} ${opType}`)
    .join(', ');
}

/** A few nodes by name, because `--exclude` and a search in the model need the name; many by their number. */
function naming(nodes: readonly NodeOutcome[]): string {
  return nodes.length > 3 ? tally(nodes) : nodes.map(({ opType, node }) => `${opType} "${node}"`).join(', ');
}
