/** Makes users of one value use another, in bodies too, where a name may come from the graph around. */
import { definedNames } from './links.ts';
import { mapBodies, mapKept } from './map-bodies.ts';
import type { Graph, Node } from './model.ts';

/** @param names old → new, followed one step: a chain (a → b, b → c) is resolved by whoever makes it. */
export function substituteInputs(node: Node, names: ReadonlyMap<string, string>): Node {
  const inputs = mapKept(node.inputs, (name) => names.get(name) ?? name);
  const inside = mapBodies(node, (body) => inBody(body, names));
  return inputs === node.inputs ? inside : { ...inside, inputs };
}

function inBody(body: Graph, names: ReadonlyMap<string, string>): Graph {
  const own = definedNames(body);
  const outer = new Map([...names].filter(([name]) => !own.has(name)));
  const nodes = mapKept(body.nodes, (node) => substituteInputs(node, outer));
  return nodes === body.nodes ? body : { ...body, nodes };
}
