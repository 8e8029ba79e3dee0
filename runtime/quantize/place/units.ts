/**
 * Which nodes run in int8, decided from the graph alone. A unit is a node that ONNX Runtime fuses with the
 * QuantizeLinear/DequantizeLinear around it into one integer kernel, together with the Relu or Clip folded into its output.
 */
import { constantOf } from '../../graph/initializer.ts';
import { type Links, linksOf } from '../../graph/links.ts';
import { type Graph, type Node, type StoredTensor, subgraphsOf } from '../../graph/model.ts';
import { elementCount } from '../../graph/tensor.ts';
import { isExcluded, type Recipe } from '../recipe.ts';
import { clipBounds } from './clip-bounds.ts';
import { type OperatorRule, operatorRules } from './operators.ts';
import { findShapeNodes } from './shape-nodes.ts';

export type Unit = {
  readonly node: Node;
  readonly rule: OperatorRule;
  /** Computed tensors that it reads in int8. */
  readonly activations: readonly string[];
  /** Constant operands, quantised like activations. */
  readonly constants: readonly string[];
  /** `axis` undefined: one scale for the whole weight. */
  readonly weight: { readonly name: string; readonly axis: number | undefined } | undefined;
  readonly bias: string | undefined;
  /** The Relu or Clip that becomes the end of its output range. */
  readonly folded: Node | undefined;
  /** What leaves the unit: its own output, or the folded node's. */
  readonly output: string;
  readonly quantizesOutput: boolean;
};

export type UnitChoice = {
  /** In topological order. */
  readonly units: readonly Unit[];
  /** Why each other node stays float, in topological order; nodes that only compute shapes are left out. */
  readonly floats: ReadonlyMap<Node, string>;
};

type Options = Pick<Recipe, 'exclude' | 'perChannel'>;

/** @param takenBack nodes that did not fuse when they were tried, by name, with the reason. */
export function chooseUnits(graph: Graph, options: Options, takenBack: ReadonlyMap<string, string>): UnitChoice {
  const { units, floats } = findUnits(graph, options, takenBack);
  const worthwhile = dropIdleEnds(units, floats);
  const settled = worthwhile.map((unit) => settleOutput(unit, worthwhile, floats));
  const order = (node: Node) => graph.nodes.indexOf(node);
  return { units: settled, floats: new Map([...floats].sort(([a], [b]) => order(a) - order(b))) };
}

/** Goes downstream: a follower joins when everything it reads already is int8. */
function findUnits(graph: Graph, options: Options, takenBack: ReadonlyMap<string, string>) {
  const links = linksOf(graph);
  const shapeNodes = findShapeNodes(graph);
  const units: Unit[] = [];
  const floats = new Map<Node, string>();
  const inInt8 = new Set<string>();
  const folded = new Set<Node>();
  for (const node of graph.nodes) {
    if (folded.has(node) || shapeNodes.has(node)) continue;
    const found = isExcluded(options, node.name)
      ? 'the recipe excludes it'
      : (takenBack.get(node.name) ?? unitOf(node, graph, links, options, inInt8));
    if (typeof found === 'string') {
      floats.set(node, found);
      continue;
    }
    units.push(found);
    inInt8.add(found.output);
    if (found.folded) folded.add(found.folded);
  }
  return { units, floats };
}

/** The unit around a node, or why there is none. */
function unitOf(node: Node, graph: Graph, links: Links, options: Options, inInt8: Set<string>): Unit | string {
  const rule = node.domain === '' ? operatorRules[node.opType] : undefined;
  if (!rule) return clipBounds(graph, node) ? 'nothing int8 to fold it into' : `no int8 kernel for ${node.opType}`;
  const refusal = rule.refuses?.(node) ?? refuseConstants(node, rule, graph);
  if (refusal !== undefined) return refusal;
  const unit = assemble(node, rule, graph, options);
  if (unit.activations.length === 0) return 'its inputs are constant';
  if (rule.role !== 'compute' && !unit.activations.every((name) => inInt8.has(name))) return 'its input is not int8';
  if (isCaptured(unit.output, links)) return 'the body of an If or Loop reads its output';
  return withFolded(unit, graph, links);
}

/** Before folding: what the node reads, sorted by how it becomes int8. */
function assemble(node: Node, rule: OperatorRule, graph: Graph, options: Options): Unit {
  const weight = weightOf(node, rule, graph);
  const operands = operandsOf(node, rule, weight);
  const isConstant = (name: string) => constantOf(graph, name) !== undefined;
  return {
    node,
    rule,
    activations: [...new Set(operands.filter((name) => !isConstant(name)))],
    constants: operands.filter(isConstant),
    weight: weight && { name: weight.name, axis: weightAxis(node, rule, weight, options) },
    bias: biasName(node, rule) || undefined,
    folded: undefined,
    output: node.outputs[0]!,
    quantizesOutput: true,
  };
}

function weightOf({ inputs }: Node, { weight }: OperatorRule, graph: Graph): StoredTensor | undefined {
  const name = weight && inputs[weight.input];
  return name ? constantOf(graph, name) : undefined;
}

function biasName({ inputs }: Node, { bias }: OperatorRule): string | undefined {
  return bias === undefined ? undefined : inputs[bias];
}

function operandsOf(node: Node, rule: OperatorRule, weight: StoredTensor | undefined): readonly string[] {
  if (rule.activations === 'all') return node.inputs;
  const operands = rule.activations.map((index) => node.inputs[index]!);
  return rule.weight && !weight ? [...operands, node.inputs[rule.weight.input]!] : operands;
}

function refuseConstants(node: Node, rule: OperatorRule, graph: Graph): string | undefined {
  const weight = weightOf(node, rule, graph);
  const bias = biasName(node, rule);
  const channels = weight?.dims[rule.weight?.axis(node, weight.dims.length) ?? 0];
  const operands = operandsOf(node, rule, weight).flatMap((name) => constantOf(graph, name) ?? []);
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

/** Whether a control-flow node uses the value: its body would go on reading the float tensor, and nothing would fuse. */
function isCaptured(tensor: string, { consumers }: Links): boolean {
  return (consumers.get(tensor) ?? []).some((node) => subgraphsOf(node).length > 0);
}

/** Kernels take one scale for each output channel only of plain matrices and of convolutions. */
function weightAxis(node: Node, rule: OperatorRule, weight: StoredTensor, { perChannel }: Options): number | undefined {
  const rank = weight.dims.length;
  return perChannel && (node.opType !== 'MatMul' || rank === 2) ? rule.weight?.axis(node, rank) : undefined;
}

/** `unit → Relu` ⇒ `unit` with a range that starts at zero; only if nobody else reads between them. */
function withFolded(unit: Unit, graph: Graph, links: Links): Unit {
  // A pass-through operator cannot choose its range.
  if (unit.rule.role === 'passThrough' || unit.rule.outputRange || links.outputs.has(unit.output)) return unit;
  const [next, ...others] = links.consumers.get(unit.output) ?? [];
  if (!next || others.length > 0 || next.inputs[0] !== unit.output || !clipBounds(graph, next)) return unit;
  const output = next.outputs[0]!;
  return isCaptured(output, links) ? unit : { ...unit, folded: next, output };
}

/** Goes upstream: an end of a chain where int8 saves nothing returns to float. */
function dropIdleEnds(units: readonly Unit[], floats: Map<Node, string>): Unit[] {
  const kept: Unit[] = [];
  for (const unit of units.toReversed()) {
    if (pays(unit, units, kept)) kept.unshift(unit);
    else for (const node of [unit.node, unit.folded]) if (node) floats.set(node, 'nothing after it runs in int8');
  }
  return kept;
}

function pays({ rule, output, activations }: Unit, all: readonly Unit[], downstream: readonly Unit[]): boolean {
  if (isRead(output, downstream)) return true;
  if (!rule.canEndChain) return false;
  // What feeds it could as well end in float itself, without a rounding.
  return rule.role === 'compute' || !activations.every((name) => producerOf(name, all)?.rule.canEndInFloat);
}

function settleOutput(unit: Unit, units: readonly Unit[], floats: Map<Node, string>): Unit {
  if (!unit.rule.canEndInFloat || isRead(unit.output, units)) return unit;
  if (unit.folded) floats.set(unit.folded, 'nothing after it runs in int8');
  return { ...unit, folded: undefined, output: unit.node.outputs[0]!, quantizesOutput: false };
}

function isRead(tensor: string, units: readonly Unit[]): boolean {
  return units.some(({ activations }) => activations.includes(tensor));
}

function producerOf(tensor: string, units: readonly Unit[]): Unit | undefined {
  return units.find(({ output }) => output === tensor);
}
