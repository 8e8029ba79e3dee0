/**
 * Reverse-mode differentiation as a function from graph to graph: the gradient of standard operators, written in standard
 * operators, so that ONNX Runtime as it is computes it. One driver walks the nodes backwards and adds up what each
 * value's users say; what an operator's gradient is stands in one table of small rules.
 *
 * Shapes are those of one run with the batch that will be trained on, and are constants in the result: rules then choose
 * their forms by size, and nothing computes shapes at each step.
 */
import { OctetError } from '../../base/errors.ts';
import { constantTensor } from '../../graph/initializer.ts';
import { type Graph, type Node, subgraphsOf } from '../../graph/model.ts';
import { elementCount } from '../../graph/tensor.ts';
import { graphWriter, type Writer } from '../writer.ts';
import { activationRules } from './activations.ts';
import { convolutionRules } from './convolution.ts';
import { elementwiseRules } from './elementwise.ts';
import { matrixRules } from './matrix.ts';
import { movementRules } from './movement.ts';
import { normalisationRules } from './normalisation.ts';
import { poolingRules } from './pooling.ts';
import { quantisationRules } from './quantisation.ts';
import type { GradientRule, RuleContext } from './rule.ts';

const rules: Readonly<Record<string, GradientRule>> = {
  ...elementwiseRules,
  ...activationRules,
  ...matrixRules,
  ...convolutionRules,
  ...poolingRules,
  ...normalisationRules,
  ...movementRules,
  ...quantisationRules,
};

/** Operators that have a gradient. LSTM and GRU have one once they are unrolled (recurrent/unroll.ts). */
export const differentiableOperators: readonly string[] = Object.keys(rules).sort();

export type Differentiated = {
  /** The graph with the gradient's nodes at its end; outputs as before. */
  readonly graph: Graph;
  /** By parameter the value that is dL/d(parameter), of its shape. A parameter that the loss does not depend on has none. */
  readonly gradients: ReadonlyMap<string, string>;
};

/**
 * The gradient of `loss` (summed, where it is no single number) with respect to `parameters`: inputs or initializers, float32.
 * Needs operator set 16 to 21.
 * @param shapes of all values of the graph (`shapesOf`).
 * @throws MODEL_UNSUPPORTED naming every operator without a rule that stands between a parameter and the loss.
 */
export function gradient(
  graph: Graph,
  loss: string,
  parameters: readonly string[],
  shapes: ReadonlyMap<string, readonly number[]>,
): Differentiated {
  const path = nodesBetween(graph, parameters, loss);
  refuseWithoutRule(path.nodes);
  const write = graphWriter(graph, 'gradient');
  const parts = new Map([[loss, [seed(write, shapeOf(shapes, graph)(loss))]]]);
  const total = (name: string): string | undefined => {
    const list = parts.get(name);
    if (list === undefined) return undefined;
    const sum = list.reduce((a, b) => write.op('Add', [a, b]));
    parts.set(name, [sum]);
    return sum;
  };
  for (const node of path.nodes.toReversed()) {
    const outputs = node.outputs.map((name) => (name === '' ? undefined : total(name)));
    if (outputs.every((each) => each === undefined)) continue;
    const gradients = rules[node.opType]!(node, contextOf(graph, write, shapes, outputs));
    for (const [i, input] of node.inputs.entries()) {
      if (!path.values.has(input)) continue;
      const make = gradients[i];
      if (!make) throw noGradient(node, input);
      parts.set(input, [...(parts.get(input) ?? []), make()]);
    }
  }
  const found = parameters.flatMap((name) => {
    const sum = total(name);
    return sum === undefined ? [] : [[name, sum] as const];
  });
  return { graph: write.graph(), gradients: new Map(found) };
}

function contextOf(
  graph: Graph,
  write: Writer,
  shapes: ReadonlyMap<string, readonly number[]>,
  outputs: readonly (string | undefined)[],
): RuleContext {
  return {
    write,
    dy: outputs[0] ?? '',
    gradientOf: (index) => outputs[index],
    shape: shapeOf(shapes, graph),
    constant: (name) => constantTensor(graph, name),
  };
}

function shapeOf(shapes: ReadonlyMap<string, readonly number[]>, graph: Graph) {
  return (name: string): readonly number[] => {
    const dims = shapes.get(name) ?? graph.initializers.get(name)?.dims;
    if (dims) return dims;
    throw new OctetError('INTERNAL', `gradient: expected the shape of "${name}" to be known, got none`);
  };
}

/** dL/dL. */
function seed(write: Writer, dims: readonly number[]): string {
  const ones = { type: 'float32', dims: [...dims], data: new Float32Array(elementCount(dims)).fill(1) } as const;
  return write.constant(ones);
}

type Path = { readonly nodes: readonly Node[]; readonly values: ReadonlySet<string> };

/** What depends on a parameter and is depended on by the loss: nodes in order, and values. */
function nodesBetween(graph: Graph, parameters: readonly string[], loss: string): Path {
  const after = new Set(parameters);
  for (const node of graph.nodes)
    if (node.inputs.some((name) => after.has(name))) for (const name of node.outputs) after.add(name);
  const before = new Set([loss]);
  const nodes = graph.nodes.toReversed().filter((node) => {
    const isUsed = node.outputs.some((name) => name !== '' && before.has(name));
    const isReached = node.inputs.some((name) => after.has(name));
    if (isUsed && isReached) for (const name of node.inputs) before.add(name);
    return isUsed && isReached;
  });
  const values = new Set([...after].filter((name) => name !== '' && before.has(name)));
  return { nodes: nodes.toReversed(), values };
}

function refuseWithoutRule(nodes: readonly Node[]): void {
  const odd = nodes.filter((node) => !(node.opType in rules) || isForeign(node) || subgraphsOf(node).length > 0);
  if (odd.length === 0) return;
  const named = odd.slice(0, 5).map(({ opType, domain, name }) => `${domain ? `${domain}:` : ''}${opType} "${name}"`);
  const more = odd.length > 5 ? ` and ${odd.length - 5} more` : '';
  throw new OctetError(
    'MODEL_UNSUPPORTED',
    `training: expected operators that have a gradient, got ${named.join(', ')}${more}`,
    { hint: 'Train only what comes after them, or quantise without training: --recipe static.' },
  );
}

/** ONNX Runtime's own Gelu is the standard's. */
function isForeign({ domain, opType }: Node): boolean {
  return domain !== '' && !(domain === 'com.microsoft' && opType === 'Gelu');
}

function noGradient({ name, opType }: Node, input: string): OctetError {
  return new OctetError(
    'MODEL_UNSUPPORTED',
    `training: node "${name}" (${opType}): expected a form that has a gradient for "${input}", got one that has none`,
    { hint: 'Keep the weights before it as they are, or quantise without training: --recipe static.' },
  );
}
