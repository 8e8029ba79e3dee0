/**
 * One meaning for each name in the whole model. Two branches of an If may both call a value `h`; ranges, reports and recipes
 * speak of tensors and nodes by name, so the second one is renamed.
 */
import { definedNames } from '../../graph/links.ts';
import { mapBodies } from '../../graph/map-bodies.ts';
import type { Graph, Node, ValueInfo } from '../../graph/model.ts';

/**
 * The graph with values and nodes whose names are unique, bodies included; names of the main graph's values never change.
 * A node without a name is called after its operator and output.
 */
export function uniqueNames(graph: Graph): Graph {
  return nameNodes(nameValues(graph, new Map(), new Set()), new Set());
}

type Names = Map<string, string>;

function nameValues(graph: Graph, outer: Names, taken: Set<string>): Graph {
  const names: Names = new Map(outer);
  for (const name of definedNames(graph)) {
    const unique = freeName(name, taken);
    taken.add(unique);
    // A body's own value hides the one of the same name around it.
    if (unique === name) names.delete(name);
    else names.set(name, unique);
  }
  const renamed = (name: string) => names.get(name) ?? name;
  const info = (value: ValueInfo) => ({ ...value, name: renamed(value.name) });
  return {
    ...graph,
    nodes: graph.nodes.map((node) => nameNodeValues(node, names, taken)),
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    valueInfo: graph.valueInfo.map(info),
    initializers: new Map(
      [...graph.initializers].map(([name, tensor]) => [renamed(name), { ...tensor, name: renamed(name) }]),
    ),
  };
}

function nameNodeValues(node: Node, names: Names, taken: Set<string>): Node {
  const renamed = (name: string) => names.get(name) ?? name;
  const inside = mapBodies(node, (body) => nameValues(body, names, taken));
  return { ...inside, inputs: withoutTrailingBlanks(node.inputs).map(renamed), outputs: node.outputs.map(renamed) };
}

/** Inputs left out at the end mean the same as none; some of ONNX Runtime's fusions look at them and crash (LayerNormalization). */
function withoutTrailingBlanks(names: readonly string[]): readonly string[] {
  return names.slice(0, names.findLastIndex((name) => name !== '') + 1);
}

function nameNodes(graph: Graph, taken: Set<string>): Graph {
  const nodes = graph.nodes.map((node) => {
    const name = freeName(node.name || `${node.opType}:${node.outputs[0]}`, taken);
    taken.add(name);
    return mapBodies({ ...node, name }, (body) => nameNodes(body, taken));
  });
  return { ...graph, nodes };
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  while (taken.has(free)) free += '_';
  return free;
}
