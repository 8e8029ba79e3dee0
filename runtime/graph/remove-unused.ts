/** What no output depends on: nodes, initializers and stated types that a rewrite left behind. */
import { definedNames, usedBy } from './links.ts';
import type { Graph, Node } from './model.ts';

/**
 * The graph without them; inputs stay, and so do initializers that are some input's default.
 * @param keepInitializers leave unused ones in: something outside the graph (training info) may name them.
 */
export function removeUnusedIn(graph: Graph, keepInitializers = false): Graph {
  const { nodes, used } = usedNodes(graph);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const isKept = (name: string) => keepInitializers || used.has(name) || inputs.has(name);
  const initializers = new Map([...graph.initializers].filter(([name]) => isKept(name)));
  const trimmed = { ...graph, nodes, initializers };
  const defined = definedNames(trimmed);
  return { ...trimmed, valueInfo: graph.valueInfo.filter(({ name }) => defined.has(name)) };
}

/** One backward sweep suffices because nodes are in topological order. */
function usedNodes(graph: Graph): { nodes: readonly Node[]; used: ReadonlySet<string> } {
  const used = new Set(graph.outputs.map(({ name }) => name));
  const nodes = graph.nodes.toReversed().filter((node) => {
    const isUsed = node.outputs.some((output) => used.has(output));
    if (isUsed) for (const name of usedBy(node)) used.add(name);
    return isUsed;
  });
  return { nodes: nodes.reverse(), used };
}
