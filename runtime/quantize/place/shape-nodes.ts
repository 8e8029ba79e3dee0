/** Tells arithmetic on shapes (Shape → Gather → Concat → Reshape's second input) from arithmetic on data. */
import type { Graph, Node } from '../../graph/model.ts';

const sources: ReadonlySet<string> = new Set(['Shape', 'Size', 'Constant']);

/** Nodes that compute with shapes and constants only: no data flows through them, so they are nobody's int8 candidates. */
export function findShapeNodes(graph: Graph): ReadonlySet<Node> {
  const known = new Set(['', ...graph.initializers.keys()]);
  const found = new Set<Node>();
  for (const node of graph.nodes) {
    if (!sources.has(node.opType) && !node.inputs.every((name) => known.has(name))) continue;
    found.add(node);
    for (const output of node.outputs) known.add(output);
  }
  return found;
}
