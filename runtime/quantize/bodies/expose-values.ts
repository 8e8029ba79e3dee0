/**
 * Makes values inside If and Loop readable from outside: each travels outwards as an additional output of the nodes around it. A
 * branch that is not taken gives an empty tensor, a Loop gives the values of all iterations one after the other.
 */
import { graph as graphAttribute, int } from '../../graph/attributes.ts';
import { float32, int64, node as makeNode, valueInfo } from '../../graph/build.ts';
import { storeTensor } from '../../graph/initializer.ts';
import { definedIn } from '../../graph/links.ts';
import { type Graph, type Model, type Node, subgraphsOf } from '../../graph/model.ts';

/** Wanted value → the name under which it can be read in the graph at hand. */
type Exposed = ReadonlyMap<string, string>;

type Exposure = {
  readonly wanted: ReadonlySet<string>;
  fresh(name: string): string;
};

/**
 * @param wanted names of float32 values anywhere in the model.
 * @returns the model with all of them as outputs of the main graph, and under which names. Left out are values of graphs
 * that cannot give more (the body of a Scan).
 */
export function exposeValues(model: Model, wanted: readonly string[]): { model: Model; exposed: Exposed } {
  const taken = new Set(definedIn(model.graph));
  const fresh = (name: string): string => {
    const unique = taken.has(name) ? fresh(`${name}_`) : name;
    taken.add(unique);
    return unique;
  };
  // Inputs of the main graph are fed, so whoever feeds them has them.
  const fed = new Set(model.graph.inputs.map(({ name }) => name));
  const { graph, exposed } = exposeIn(model.graph, { wanted: new Set(wanted.filter((name) => !fed.has(name))), fresh });
  const present = new Set(graph.outputs.map(({ name }) => name));
  const added = [...new Set(exposed.values())].filter((name) => !present.has(name));
  const outputs = [...graph.outputs, ...added.map((name) => valueInfo(name, 'float32'))];
  return { model: { ...model, graph: { ...graph, outputs } }, exposed };
}

/** Values that nodes compute or an iteration is given, here or in bodies. */
function exposeIn(graph: Graph, exposure: Exposure): { graph: Graph; exposed: Exposed } {
  const exposed = new Map<string, string>();
  const nodes: Node[] = [];
  for (const { name } of graph.inputs) if (exposure.wanted.has(name)) exposed.set(name, name);
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (exposure.wanted.has(output)) exposed.set(output, output);
    const opened = subgraphsOf(node).length > 0 ? openers[node.opType]?.(node, exposure) : undefined;
    nodes.push(...(opened?.nodes ?? [node]));
    for (const [name, outside] of opened?.exposed ?? []) exposed.set(name, outside);
  }
  return { graph: { ...graph, nodes }, exposed };
}

type Opened = { readonly nodes: readonly Node[]; readonly exposed: Exposed } | undefined;

const openers: Readonly<Record<string, (node: Node, exposure: Exposure) => Opened>> = { If: openIf, Loop: openLoop };

/** `y = If(c)` ⇒ `y, a, b = If(c)`: the branch that has the value gives it, the other one an empty tensor. */
function openIf(node: Node, exposure: Exposure): Opened {
  const branches = bodiesOf(node).map(([key, body]) => ({ key, ...exposeIn(body, exposure) }));
  const names = branches.flatMap(({ exposed }) => [...exposed.keys()]);
  if (names.length === 0) return undefined;
  const attributes = new Map(node.attributes);
  for (const { key, graph, exposed } of branches)
    attributes.set(key, graphAttribute(givingAll(graph, names, exposed, exposure)));
  const outside = new Map(names.map((name) => [name, exposure.fresh(`${name}_observed`)]));
  return { nodes: [{ ...node, attributes, outputs: [...node.outputs, ...outside.values()] }], exposed: outside };
}

function givingAll(body: Graph, names: readonly string[], exposed: Exposed, { fresh }: Exposure): Graph {
  const empty = fresh('octet_empty');
  const copies = names.map((name) => makeNode('Identity', [exposed.get(name) ?? empty], [fresh(`${name}_copy`)]));
  return {
    ...body,
    nodes: [...body.nodes, ...copies],
    outputs: [...body.outputs, ...copies.map(({ outputs: [copy] }) => valueInfo(copy!, 'float32'))],
    initializers: new Map([...body.initializers, [empty, storeTensor(empty, float32([0], []))]]),
  };
}

/**
 * A Loop carries one more list for each value, which every iteration lengthens; so iterations of different shapes fit together.
 * Source: ONNX Loop-16 (inputs: count, condition, carried …; body: iteration, condition, carried … → condition, carried …, scanned …).
 */
function openLoop(node: Node, exposure: Exposure): Opened {
  const [[key, body] = []] = bodiesOf(node);
  if (!key || !body) return undefined;
  const { graph, exposed } = exposeIn(body, exposure);
  if (exposed.size === 0) return undefined;
  const { fresh } = exposure;
  const carried = node.inputs.length - 2;
  const [flat, empty, start] = ['octet_flat', 'octet_empty', 'octet_start'].map(fresh) as [string, string, string];
  const lists = Array.from(exposed, ([name, inside]) => ({
    name,
    before: fresh(`${name}_before`),
    after: fresh(`${name}_after`),
    outside: fresh(`${name}_observed`),
    nodes: (row: string, before: string, after: string) => [
      makeNode('Reshape', [inside, flat], [row]),
      makeNode('Concat', [before, row], [after], { axis: int(0) }),
    ],
  }));
  const longer: Graph = {
    ...graph,
    nodes: [...graph.nodes, ...lists.flatMap((list) => list.nodes(fresh(`${list.name}_row`), list.before, list.after))],
    inputs: [...graph.inputs, ...lists.map(({ before }) => valueInfo(before, 'float32', [null]))],
    outputs: inserted(
      graph.outputs,
      1 + carried,
      lists.map(({ after }) => valueInfo(after, 'float32', [null])),
    ),
    initializers: new Map([...graph.initializers, [flat, storeTensor(flat, int64([1], [-1]))]]),
  };
  const constant = { value: { kind: 'tensor', value: storeTensor(empty, float32([0], [])) } } as const;
  return {
    nodes: [
      makeNode('Constant', [], [start], constant),
      {
        ...node,
        inputs: [...node.inputs, ...lists.map(() => start)],
        outputs: inserted(
          node.outputs,
          carried,
          lists.map(({ outside }) => outside),
        ),
        attributes: new Map([...node.attributes, [key, graphAttribute(longer)]]),
      },
    ],
    exposed: new Map(lists.map(({ name, outside }) => [name, outside])),
  };
}

function bodiesOf(node: Node): readonly (readonly [string, Graph])[] {
  return [...node.attributes].flatMap(([key, attribute]) =>
    attribute.kind === 'graph' ? [[key, attribute.value] as const] : [],
  );
}

function inserted<T>(list: readonly T[], at: number, added: readonly T[]): readonly T[] {
  return [...list.slice(0, at), ...added, ...list.slice(at)];
}
