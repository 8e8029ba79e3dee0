/**
 * The same step for the main graph and for every body of If, Loop and Scan. While it runs, a body is shown with the constants of the
 * whole model, so that a step need not know where a weight lies; afterwards each constant goes where it is used.
 */
import { usedBy } from '../../graph/links.ts';
import { mapBodies } from '../../graph/map-bodies.ts';
import {
  type Graph,
  type Model,
  type Node,
  type StoredTensor,
  subgraphsOf,
  type ValueInfo,
} from '../../graph/model.ts';
import { removeUnusedIn } from '../../graph/remove-unused.ts';

type Constants = ReadonlyMap<string, StoredTensor>;

/**
 * @param model with unique names (see unique-names.ts).
 * @param change gets a graph whose initializers are those of the whole model; what it adds to them is kept. Its nodes keep
 * their bodies, which are changed afterwards.
 */
export function mapGraphs(model: Model, change: (graph: Graph) => Graph): Model {
  const constants = new Map<string, StoredTensor>(
    allGraphs(model.graph).flatMap(({ initializers }) => [...initializers]),
  );
  const types = valueTypes(model.graph);
  const changeIn = (graph: Graph): Graph => {
    const changed = change({ ...graph, initializers: constants, valueInfo: types });
    for (const [name, tensor] of changed.initializers) constants.set(name, tensor);
    const nodes = changed.nodes.map((node) => mapBodies(node, changeIn));
    return { ...changed, nodes, initializers: new Map(), valueInfo: [] };
  };
  return { ...model, graph: removeUnusedIn(withConstants(changeIn(model.graph), constants)) };
}

/** Every graph of the model as `mapGraphs` shows it, to look at. */
export function viewGraphs({ graph }: Model): readonly Graph[] {
  const graphs = allGraphs(graph);
  const initializers = new Map(graphs.flatMap((part) => [...part.initializers]));
  const valueInfo = valueTypes(graph);
  return graphs.map((part) => ({ ...part, initializers, valueInfo }));
}

/** Bodies read values of the graphs around them, so each is shown what is stated anywhere. */
function valueTypes(graph: Graph): readonly ValueInfo[] {
  return allGraphs(graph).flatMap(({ valueInfo, inputs, outputs }) => [...valueInfo, ...inputs, ...outputs]);
}

/** The graph and all bodies in it, the graph itself first. */
export function allGraphs(graph: Graph): readonly Graph[] {
  return [graph, ...graph.nodes.flatMap((node) => subgraphsOf(node).flatMap(allGraphs))];
}

/** Every node, those of bodies after the node that owns them. */
export function allNodes(graph: Graph): readonly Node[] {
  return graph.nodes.flatMap((node) => [node, ...subgraphsOf(node).flatMap(allNodes)]);
}

/**
 * Puts each constant into the one graph that uses it, and what several use into the graph around them, once. A body's output must
 * be a value of the body, so a constant that leaves one stays in it.
 */
function withConstants(graph: Graph, constants: Constants): Graph {
  const own = namesReadIn(graph);
  const bodies = graph.nodes.flatMap(subgraphsOf);
  const leaving = new Set(
    bodies.flatMap((body) => allGraphs(body).flatMap(({ outputs }) => outputs.map(({ name }) => name))),
  );
  const uses = new Map<string, number>();
  for (const body of bodies) for (const name of usedInside(body)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const isHere = (name: string) => !leaving.has(name) && (own.has(name) || (uses.get(name) ?? 0) > 1);
  const here = new Map([...constants].filter(([name]) => isHere(name)));
  const below = new Map([...constants].filter(([name]) => !here.has(name) && uses.has(name)));
  const placeIn = (body: Graph) => withConstants(body, below);
  return { ...graph, initializers: here, nodes: graph.nodes.map((node) => mapBodies(node, placeIn)) };
}

/** What the graph's own nodes and outputs read, and inputs that have a default. */
function namesReadIn({ nodes, inputs, outputs }: Graph): ReadonlySet<string> {
  const values = [...inputs, ...outputs].map(({ name }) => name);
  return new Set([...nodes.flatMap((node) => node.inputs), ...values]);
}

function usedInside(body: Graph): ReadonlySet<string> {
  return new Set([...body.nodes.flatMap((node) => [...usedBy(node)]), ...body.outputs.map(({ name }) => name)]);
}
