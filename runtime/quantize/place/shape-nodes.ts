/** Tells arithmetic on shapes (Shape → Gather → Concat → Reshape's second input) from arithmetic on data. */
import { constantOf } from '../../graph/initializer.ts';
import { type Graph, type Node, statedValues, subgraphsOf } from '../../graph/model.ts';
import type { ElementType } from '../../graph/tensor.ts';

const sources: ReadonlySet<string> = new Set(['Shape', 'Size', 'Constant']);
const realTypes: ReadonlySet<ElementType> = new Set(['float32', 'float64', 'float16']);

/**
 * Nodes that compute with shapes and constants only, or with nothing but integers and booleans: no data flows through
 * them, so they are nobody's int8 candidates.
 */
export function findShapeNodes(graph: Graph): ReadonlySet<Node> {
  const typeOf = typesIn(graph);
  const known = new Set(['', ...graph.initializers.keys()]);
  const found = new Set<Node>();
  for (const node of graph.nodes) {
    const isShape = sources.has(node.opType) || readsOnly(node, known);
    if (!isShape && !computesWithIntegers(node, typeOf)) continue;
    found.add(node);
    if (isShape) for (const output of node.outputs) known.add(output);
  }
  return found;
}

/** A node with bodies also reads what they take from around it. */
function readsOnly(node: Node, known: ReadonlySet<string>): boolean {
  return subgraphsOf(node).length === 0 && node.inputs.every((name) => known.has(name));
}

/** The element type of a value where the graph states it. */
export function typesIn(graph: Graph): (name: string) => ElementType | undefined {
  const stated = statedValues(graph);
  return (name) => stated.get(name)?.type ?? constantOf(graph, name)?.type;
}

function computesWithIntegers({ inputs, outputs }: Node, typeOf: (name: string) => ElementType | undefined): boolean {
  const types = [...inputs, ...outputs].filter(Boolean).map(typeOf);
  return types.every((type) => type !== undefined && !realTypes.has(type));
}
