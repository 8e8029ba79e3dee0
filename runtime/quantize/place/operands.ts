/** What a node reads, sorted by the part it plays, and what about it keeps a node in float. */
import { constantOf } from '../../graph/initializer.ts';
import type { Graph, Node, StoredTensor } from '../../graph/model.ts';
import { elementCount } from '../../graph/tensor.ts';
import type { OperatorRule } from './operators.ts';

export function weightOf({ inputs }: Node, { weight }: OperatorRule, graph: Graph): StoredTensor | undefined {
  const name = weight && inputs[weight.input];
  return name ? constantOf(graph, name) : undefined;
}

export function biasName({ inputs }: Node, { bias }: OperatorRule): string | undefined {
  return bias === undefined ? undefined : inputs[bias];
}

/** Activations, computed or constant. @param weight the node's, when it is constant; otherwise it is one more of them. */
export function operandsOf(node: Node, rule: OperatorRule, weight: StoredTensor | undefined): readonly string[] {
  if (rule.activations === 'all') return node.inputs;
  const operands = rule.activations.map((index) => node.inputs[index] ?? '');
  return rule.weight && !weight ? [...operands, node.inputs[rule.weight.input] ?? ''] : operands;
}

export function refuseOperands(node: Node, rule: OperatorRule, graph: Graph): string | undefined {
  const weight = weightOf(node, rule, graph);
  const names = operandsOf(node, rule, weight);
  if (names.length === 0 || names.includes('')) return 'it has no input';
  const bias = biasName(node, rule);
  const channels = weight?.dims[rule.weight?.axis(node, weight.dims.length) ?? 0];
  const operands = names.flatMap((name) => constantOf(graph, name) ?? []);
  return (
    refuseWeight(rule, weight) ??
    (bias ? refuseBias(constantOf(graph, bias), channels) : undefined) ??
    (operands.every(({ type }) => type === 'float32') ? undefined : 'a constant that it reads is not float32')
  );
}

function refuseWeight(rule: OperatorRule, weight: StoredTensor | undefined): string | undefined {
  if (!weight) return rule.weight?.mustBeConstant ? 'its weights are not constant' : undefined;
  if (weight.type !== 'float32') return `its weights are ${weight.type ?? 'of an unknown type'}, not float32`;
  return weight.dims.length < 2 ? 'its weights are a vector' : undefined;
}

/** @param channels values that an int32 bias must have, in its last axis. */
function refuseBias(bias: StoredTensor | undefined, channels: number | undefined): string | undefined {
  if (bias?.type !== 'float32') return 'its bias is not a float32 constant';
  const isOnePerChannel = bias.dims.at(-1) === channels && elementCount(bias.dims) === channels;
  return isOnePerChannel ? undefined : 'its bias is not one value for each output channel';
}
