/**
 * The invariants that every pass must keep, checked on a whole model. Tests run it after each stage; loading a model
 * from outside runs it once. It reports everything it finds instead of stopping at the first.
 */
import { TensorProto_DataLocation as DataLocation } from 'onnx-buf';
import { OctetError } from '../base/errors.ts';
import { expectedBytes, storedBytes } from './initializer.ts';
import { definedNames, initializerNames } from './links.ts';
import { type Graph, type Model, type Node, type StoredTensor, subgraphsOf } from './model.ts';

export type Problem = {
  /** Graph and node: `graph "main": node "conv1" (Conv)`. */
  readonly where: string;
  readonly message: string;
};

/** Every broken invariant; empty for a sound model. Source: ONNX IR.md. */
export function verifyGraph(model: Model): readonly Problem[] {
  return graphProblems(model.graph, { outer: new Set(), domains: new Set(model.opsets.keys()) });
}

/** @throws GRAPH_INVALID with all problems. */
export function assertSound(model: Model): void {
  const problems = verifyGraph(model);
  if (problems.length === 0) return;
  const lines = problems.slice(0, 5).map(({ where, message }) => `${where}: ${message}`);
  const more = problems.length > 5 ? ` (and ${problems.length - 5} more)` : '';
  throw new OctetError('GRAPH_INVALID', `${model.origin}: ${lines.join('; ')}${more}`);
}

/** What a graph sees around it. */
type Scope = {
  /** Values of the graphs around this one. */
  readonly outer: ReadonlySet<string>;
  /** Domains with a declared operator set. */
  readonly domains: ReadonlySet<string>;
};

function graphProblems(graph: Graph, scope: Scope): readonly Problem[] {
  const where = `graph "${graph.name}"`;
  const own = (message: string): Problem => ({ where, message });
  return [
    ...definitionProblems(graph, scope.outer).map(own),
    ...[...graph.initializers.values()].flatMap(tensorProblems).map(own),
    ...nodeProblems(graph, scope, where),
    ...outputProblems(graph).map(own),
  ];
}

/** Static single assignment: each name is defined once, and not again inside a body. */
function definitionProblems(graph: Graph, outer: ReadonlySet<string>): readonly string[] {
  const inputs = graph.inputs.map(({ name }) => name);
  // An initializer may carry an input's name: it is that input's default.
  const initializers = initializerNames(graph).filter((name) => !inputs.includes(name));
  const made = graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ''));
  const names = [...inputs, ...initializers, ...made];
  const seen = new Set<string>();
  const twice = names.filter((name) => seen.size === seen.add(name).size);
  return [
    ...twice.map((name) => `value "${name}": expected one definition, got several`),
    ...[...inputs, ...made]
      .filter((name) => outer.has(name))
      .map((name) => `value "${name}": expected a name of its own, got one of a surrounding graph`),
    ...(inputs.includes('') ? ['input: expected a name, got none'] : []),
  ];
}

function nodeProblems(graph: Graph, scope: Scope, graphWhere: string): readonly Problem[] {
  const known = new Set([...scope.outer, ...graph.inputs.map(({ name }) => name), ...initializerNames(graph)]);
  const defined = definedNames(graph);
  return graph.nodes.flatMap((node) => {
    const where = `${graphWhere}: node "${node.name}" (${node.opType})`;
    const problems = [
      ...operatorProblems(node, scope),
      ...node.inputs.filter((name) => name !== '' && !known.has(name)).map((name) => undefinedInput(name, defined)),
    ].map((message) => ({ where, message }));
    const bodies = subgraphsOf(node).flatMap((body) => graphProblems(body, { ...scope, outer: known }));
    for (const output of node.outputs) if (output !== '') known.add(output);
    return [...problems, ...bodies.map((problem) => ({ ...problem, where: `${where}: ${problem.where}` }))];
  });
}

function operatorProblems({ opType, domain }: Node, { domains }: Scope): readonly string[] {
  return [
    ...(opType === '' ? ['expected an operator, got none'] : []),
    ...(domains.has(domain) ? [] : [`expected an operator set for domain "${domain}", got none`]),
  ];
}

function undefinedInput(name: string, defined: ReadonlySet<string>): string {
  return defined.has(name)
    ? `input "${name}": expected a value made before, got one made later (nodes are not in topological order)`
    : `input "${name}": expected a value, got a name that nothing defines`;
}

function outputProblems(graph: Graph): readonly string[] {
  const defined = definedNames(graph);
  return graph.outputs
    .filter(({ name }) => !defined.has(name))
    .map(({ name }) => `output "${name}": expected a value of this graph, got a name that nothing in it defines`);
}

function tensorProblems(stored: StoredTensor): readonly string[] {
  const { name, dims, source } = stored;
  if (!dims.every((size) => Number.isSafeInteger(size) && size >= 0))
    return [`initializer "${name}": expected sizes from 0, got [${dims}]`];
  const expected = expectedBytes(stored);
  if (expected === undefined || source.dataLocation === DataLocation.EXTERNAL) return [];
  const got = storedBytes(stored);
  return got === expected ? [] : [`initializer "${name}": expected ${expected} bytes for dims [${dims}], got ${got}`];
}
