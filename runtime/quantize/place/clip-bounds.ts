/** Relu and Clip as intervals: folded into an int8 kernel, they are nothing but the ends of its output range. */
import { floatAttribute } from '../../graph/attributes.ts';
import { constantTensor } from '../../graph/initializer.ts';
import type { Graph, Node } from '../../graph/model.ts';
import type { Range } from '../numerics.ts';

/**
 * The interval that a Relu or Clip maps into; undefined for other nodes, when it is not constant, and when it does not
 * contain zero, which a quantised range always does.
 */
export function clipBounds(graph: Graph, node: Node): Range | undefined {
  const range = node.domain === '' ? intervals[node.opType]?.(graph, node) : undefined;
  return range && range.min <= 0 && range.max >= 0 ? range : undefined;
}

const intervals: Readonly<Record<string, (graph: Graph, node: Node) => Range>> = {
  Relu: () => ({ min: 0, max: Number.POSITIVE_INFINITY }),
  Clip: (graph, node) => ({
    min: bound(graph, node, 1, 'min', Number.NEGATIVE_INFINITY),
    max: bound(graph, node, 2, 'max', Number.POSITIVE_INFINITY),
  }),
};

/** Opset 6 has attributes, opset 11 inputs. NaN when the input is computed, which no interval contains. */
function bound(graph: Graph, node: Node, index: number, name: string, absent: number): number {
  const input = node.inputs[index];
  if (!input) return floatAttribute(node, name, absent);
  return Number(constantTensor(graph, input)?.data[0] ?? Number.NaN);
}
