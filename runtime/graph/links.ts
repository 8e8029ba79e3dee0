/** Who makes and who uses each value of a graph: computed from the graph when asked for, never stored in it. */
import { type Graph, type Node, subgraphsOf } from './model.ts';

export type Links = {
  /** The node of this graph that computes a value; none for inputs and initializers. */
  readonly producers: ReadonlyMap<string, Node>;
  /** The nodes of this graph that use a value, once each, in order; a node also uses what its bodies use. */
  readonly consumers: ReadonlyMap<string, readonly Node[]>;
  /** Names of the graph's outputs. */
  readonly outputs: ReadonlySet<string>;
};

export function linksOf(graph: Graph): Links {
  const producers = new Map<string, Node>();
  const consumers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output !== '') producers.set(output, node);
    for (const input of usedBy(node)) {
      const users = consumers.get(input);
      if (users) users.push(node);
      else consumers.set(input, [node]);
    }
  }
  return { producers, consumers, outputs: new Set(graph.outputs.map(({ name }) => name)) };
}

/** Every value a node depends on: its inputs, and what its bodies take from the graphs around them. */
export function usedBy(node: Node): ReadonlySet<string> {
  return new Set([...node.inputs.filter((input) => input !== ''), ...subgraphsOf(node).flatMap(capturedBy)]);
}

/** Every name that a graph and its bodies define. */
export function definedIn(graph: Graph): ReadonlySet<string> {
  const names = new Set(definedNames(graph));
  for (const body of graph.nodes.flatMap(subgraphsOf)) for (const name of definedIn(body)) names.add(name);
  return names;
}

/** Names that a graph itself defines: inputs, initializers, outputs of its nodes. */
export function definedNames(graph: Graph): ReadonlySet<string> {
  return new Set([
    ...graph.inputs.map(({ name }) => name),
    ...initializerNames(graph),
    ...graph.nodes.flatMap(({ outputs }) => outputs.filter((output) => output !== '')),
  ]);
}

/** Names of the initializers, sparse ones included. */
export function initializerNames({ initializers, source }: Graph): readonly string[] {
  return [...initializers.keys(), ...source.sparseInitializer.flatMap(({ values }) => values?.name ?? [])];
}

/** Values that a body takes from the graphs around it. */
function capturedBy(body: Graph): readonly string[] {
  const own = definedNames(body);
  const used = [...body.nodes.flatMap((node) => [...usedBy(node)]), ...body.outputs.map(({ name }) => name)];
  return used.filter((name) => !own.has(name));
}
