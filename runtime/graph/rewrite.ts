/**
 * Graph rewriting: a rule is data (a name, the operators it looks at, a function from a node to its replacement), and
 * one driver applies a list of rules, bodies of control flow included, until none has anything left to say.
 */
import { OctetError } from '../base/errors.ts';
import { constantOf, readTensor } from './initializer.ts';
import { definedIn, type Links, linksOf } from './links.ts';
import { mapBodies, mapKept } from './map-bodies.ts';
import { type Dim, type Graph, type Model, type Node, type StoredTensor, statedValues } from './model.ts';
import { removeUnusedIn } from './remove-unused.ts';
import { substituteInputs } from './substitute.ts';
import type { Tensor } from './tensor.ts';

export type Rule = {
  /** Verb-object, for messages: `removeIdentity`. */
  readonly name: string;
  /** ONNX operators of the nodes it is asked about: the last node of its pattern, so that all before it exist. */
  readonly opTypes: readonly string[];
  /** A pure function; undefined when the rule does not apply. */
  replace(node: Node, context: RewriteContext): Replacement | undefined;
};

export type Replacement = {
  /** What stands in the node's place. Nodes that lose their last user need no mention: they go by themselves. */
  readonly nodes?: readonly Node[];
  readonly initializers?: readonly StoredTensor[];
  /** Users of the first shall use the second. Not for outputs of the graph. */
  readonly substitute?: readonly (readonly [from: string, to: string])[];
};

/** What a rule may ask. */
export type RewriteContext = {
  readonly graph: Graph;
  readonly model: Model;
  readonly links: Links;
  /** A name that nothing in the model has. */
  freshName(base: string): string;
  /** The values of an initializer or constant, from the graphs around too; undefined when it is computed. */
  constant(name: string): Tensor | undefined;
  /** Stated shape, or the shape of a constant. */
  dims(name: string): readonly Dim[] | undefined;
};

/** More passes than any terminating set of rules has needed, few enough to notice rules that undo each other. */
const maxPasses = 100;

/**
 * The model after applying `rules` wherever they match, in their order, until nothing matches; unused parts removed.
 * @throws GRAPH_INVALID when the rules do not come to rest.
 */
export function rewriteModel(model: Model, rules: readonly Rule[]): Model {
  const names = new Set(definedIn(model.graph));
  const freshName = (base: string): string => {
    let name = base;
    for (let suffix = 1; names.has(name); suffix++) name = `${base}_${suffix}`;
    names.add(name);
    return name;
  };
  const drive: Drive = { model, rules, freshName, keepInitializers: model.source.trainingInfo.length > 0 };
  return { ...model, graph: rewriteGraph(model.graph, drive, undefined) };
}

type Drive = {
  readonly model: Model;
  readonly rules: readonly Rule[];
  readonly freshName: (base: string) => string;
  readonly keepInitializers: boolean;
};

function rewriteGraph(start: Graph, drive: Drive, outer: RewriteContext | undefined): Graph {
  let graph = start;
  for (let pass = 0; pass < maxPasses; pass++) {
    const context = contextOf(graph, drive, outer);
    const inside = mapKept(graph.nodes, (node) => mapBodies(node, (body) => rewriteGraph(body, drive, context)));
    const current = { ...graph, nodes: inside };
    const replacements = planPass(current, drive.rules, contextOf(current, drive, outer));
    graph = removeUnusedIn(applyPass(current, replacements), drive.keepInitializers);
    if (replacements.size === 0) return graph;
  }
  throw new OctetError(
    'GRAPH_INVALID',
    `graph "${start.name}": expected the rules ${drive.rules.map(({ name }) => name).join(', ')} to come to rest, got changes after ${maxPasses} passes`,
  );
}

function contextOf(graph: Graph, { model, freshName }: Drive, outer: RewriteContext | undefined): RewriteContext {
  const links = linksOf(graph);
  const stated = statedValues(graph);
  return {
    graph,
    model,
    links,
    freshName,
    constant(name) {
      const stored = constantOf(graph, name);
      if (stored) return stored.type === undefined ? undefined : readTensor(stored);
      return links.producers.has(name) || stated.has(name) ? undefined : outer?.constant(name);
    },
    dims: (name) => constantOf(graph, name)?.dims ?? stated.get(name)?.dims ?? outer?.dims(name),
  };
}

/**
 * The replacements of one pass. All rules see the same graph, so two replacements that touch the same node or neighbours
 * of it cannot both be trusted: the later one waits for the next pass.
 */
function planPass(graph: Graph, rules: readonly Rule[], context: RewriteContext): ReadonlyMap<Node, Replacement> {
  const plan = new Map<Node, Replacement>();
  const touched = new Set<Node>();
  for (const node of graph.nodes) {
    const around = neighbourhood(node, context.links);
    if (around.some((other) => touched.has(other))) continue;
    const replacement = firstReplacement(node, rules, context);
    if (!replacement) continue;
    plan.set(node, replacement);
    for (const other of around) touched.add(other);
  }
  return plan;
}

function neighbourhood(node: Node, { producers, consumers }: Links): readonly Node[] {
  const before = node.inputs.flatMap((name) => producers.get(name) ?? []);
  const after = node.outputs.flatMap((name) => consumers.get(name) ?? []);
  return [node, ...before, ...after];
}

function firstReplacement(node: Node, rules: readonly Rule[], context: RewriteContext): Replacement | undefined {
  if (node.domain !== '') return undefined;
  for (const rule of rules) {
    const replacement = rule.opTypes.includes(node.opType) ? rule.replace(node, context) : undefined;
    if (replacement) return replacement;
  }
  return undefined;
}

function applyPass(graph: Graph, plan: ReadonlyMap<Node, Replacement>): Graph {
  if (plan.size === 0) return graph;
  const all = [...plan.values()];
  const names = new Map(all.flatMap(({ substitute = [] }) => substitute));
  const added = all.flatMap(({ initializers = [] }) => initializers);
  const nodes = graph.nodes.flatMap((node) => {
    const replacement = plan.get(node);
    return replacement ? (replacement.nodes ?? []) : [node];
  });
  return {
    ...graph,
    nodes: nodes.map((node) => substituteInputs(node, names)),
    initializers: new Map([...graph.initializers, ...added.map((tensor) => [tensor.name, tensor] as const)]),
  };
}
