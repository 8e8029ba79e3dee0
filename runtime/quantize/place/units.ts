/** Which nodes run in int8, decided from the graph alone. */

import { constantOf, constantTensor } from '../../graph/initializer.ts';
import { type Links, linksOf } from '../../graph/links.ts';
import { type Graph, type Node, subgraphsOf } from '../../graph/model.ts';
import { isExcluded, type Override, type StaticRecipe, settingsFor } from '../recipe.ts';
import { clipBounds } from './clip-bounds.ts';
import { extendUpstream } from './extend-upstream.ts';
import { biasName, operandsOf, refuseOperands, weightOf } from './operands.ts';
import { floatReasons, type OperatorRule, operatorRules } from './operators.ts';
import { findShapeNodes, typesIn } from './shape-nodes.ts';
import { outputsOf, type Unit } from './unit.ts';

export type UnitChoice = {
  /** In topological order. */
  readonly units: readonly Unit[];
  /** Why each other node stays float, in topological order; nodes that only compute shapes are left out. */
  readonly floats: ReadonlyMap<Node, string>;
};

type Options = Pick<StaticRecipe, 'exclude' | 'perChannel'> & {
  readonly symmetric?: boolean;
  readonly target?: StaticRecipe['target'];
  readonly overrides?: readonly Override[];
};

/** What deciding about one node needs to know. */
type Scene = {
  readonly graph: Graph;
  readonly links: Links;
  readonly options: Options;
  readonly isFloat: (name: string) => boolean;
  /** Weights whose readers would want scales along different axes: they get one scale, and are stored once. */
  readonly tied: ReadonlySet<string>;
};

/**
 * @param graph the main graph, or a body as `mapGraphs` shows it.
 * @param takenBack nodes that did not fuse when they were tried, by name, with the reason.
 */
export function chooseUnits(graph: Graph, options: Options, takenBack: ReadonlyMap<string, string>): UnitChoice {
  const links = linksOf(graph);
  const typeOf = typesIn(graph);
  const isFloat = (name: string) => (typeOf(name) ?? 'float32') === 'float32';
  const scene: Scene = { graph, links, options, isFloat, tied: findTied(graph) };
  const { units, floats } = findUnits(scene, takenBack);
  const worthwhile = dropIdleEnds(units, floats);
  const extended = extendUpstream(worthwhile, floats, links, (node) => moverOf(node, scene, takenBack));
  const settled = extended.map((unit) => settleOutput(unit, extended, floats));
  const order = new Map(graph.nodes.map((node, index) => [node, index]));
  const byOrder = (a: Node, b: Node) => order.get(a)! - order.get(b)!;
  return {
    units: settled.sort((a, b) => byOrder(a.node, b.node)),
    floats: new Map([...floats].sort(([a], [b]) => byOrder(a, b))),
  };
}

/** Goes downstream: a follower joins when everything it reads already is int8. */
function findUnits(scene: Scene, takenBack: ReadonlyMap<string, string>) {
  const shapeNodes = findShapeNodes(scene.graph);
  const units: Unit[] = [];
  const floats = new Map<Node, string>();
  const inInt8 = new Set<string>();
  const folded = new Set<Node>();
  for (const node of scene.graph.nodes) {
    // Of a node with bodies, what counts are the nodes in them.
    if (folded.has(node) || shapeNodes.has(node) || subgraphsOf(node).length > 0) continue;
    const found = mayNotBe(node, scene, takenBack) ?? unitOf(node, scene, inInt8);
    if (typeof found === 'string') {
      floats.set(node, found);
      continue;
    }
    units.push(found);
    for (const output of outputsOf(found)) inInt8.add(output);
    // What a computing unit reads in int8 is there in int8 for others, too: a residual Add beside a float first layer.
    if (found.rule.role === 'compute') for (const name of found.activations) inInt8.add(name);
    if (found.folded) folded.add(found.folded);
  }
  return { units, floats };
}

function mayNotBe(node: Node, { options }: Scene, takenBack: ReadonlyMap<string, string>): string | undefined {
  return isExcluded(options, node.name) ? 'the recipe excludes it' : takenBack.get(node.name);
}

/** The unit around a node, or why there is none. */
function unitOf(node: Node, scene: Scene, inInt8: ReadonlySet<string>): Unit | string {
  const { graph } = scene;
  const rule = node.domain === '' ? operatorRules[node.opType] : undefined;
  if (!rule)
    return clipBounds(graph, node)
      ? 'nothing int8 to fold it into'
      : ((node.domain === '' ? floatReasons[node.opType] : undefined) ?? `no int8 kernel for ${node.opType}`);
  const unit = assemble(node, rule, scene);
  if (typeof unit === 'string') return unit;
  if (unit.activations.length === 0 && !rule.looksUp) return 'its inputs are constant';
  if (rule.role !== 'compute' && !unit.activations.every((name) => inInt8.has(name))) return 'its input is not int8';
  return withFolded(unit, scene);
}

/** A node that only moves values, whatever it reads; undefined when it cannot be int8. */
function moverOf(node: Node, scene: Scene, takenBack: ReadonlyMap<string, string>): Unit | undefined {
  const rule = node.domain === '' ? operatorRules[node.opType] : undefined;
  if (rule?.role !== 'passThrough' || mayNotBe(node, scene, takenBack) !== undefined) return undefined;
  const unit = assemble(node, rule, scene);
  return typeof unit === 'string' || unit.activations.length === 0 ? undefined : unit;
}

/** Before folding: what the node reads, sorted by how it becomes int8; or why it cannot. */
function assemble(node: Node, rule: OperatorRule, { graph, links, options, isFloat, tied }: Scene): Unit | string {
  const refusal = rule.refuses?.(node, (name) => constantTensor(graph, name)) ?? refuseOperands(node, rule, graph);
  if (refusal !== undefined) return refusal;
  const weight = weightOf(node, rule, graph);
  const operands = operandsOf(node, rule, weight);
  const isConstant = (name: string) => constantOf(graph, name) !== undefined;
  const activations = [...new Set(operands.filter((name) => !isConstant(name)))];
  const odd = activations.find((name) => !isFloat(name));
  if (odd !== undefined) return 'it does not compute in float32';
  const outputs = node.outputs.filter(Boolean);
  if (outputs.some((output) => isCaptured(output, links))) return 'the body of an If or Loop reads its output';
  const axis = weight && !tied.has(weight.name) ? weightAxis(node, rule, weight.dims.length, options) : undefined;
  return {
    node,
    rule,
    activations,
    constants: operands.filter(isConstant),
    weight: weight && { name: weight.name, axis },
    bias: biasName(node, rule) || undefined,
    folded: undefined,
    output: outputs[0]!,
    otherOutputs: outputs.slice(1),
    quantizesOutput: true,
  };
}

/**
 * Whether a control-flow node uses the value: its body would go on reading the float tensor, and nothing would fuse. Also behind nodes
 * that only move it: ONNX Runtime 1.30 carries a DequantizeLinear on through them and aborts the process where a body reads the end.
 */
function isCaptured(tensor: string, links: Links): boolean {
  return (links.consumers.get(tensor) ?? []).some(
    (node) =>
      subgraphsOf(node).length > 0 ||
      (movesOnly(node) && node.inputs[0] === tensor && node.outputs.some((output) => isCaptured(output, links))),
  );
}

function movesOnly({ opType, domain }: Node): boolean {
  return domain === '' && (opType === 'Identity' || operatorRules[opType]?.role === 'passThrough');
}

/** Kernels take one scale for each output channel only of plain matrices and of convolutions. */
function weightAxis(node: Node, rule: OperatorRule, rank: number, options: Options): number | undefined {
  const { perChannel } = settingsFor(options, node.name);
  return perChannel && (node.opType !== 'MatMul' || rank === 2) ? rule.weight?.axis(node, rank) : undefined;
}

/** Constants that several nodes read as weights, but not all along the same axis. */
function findTied(graph: Graph): ReadonlySet<string> {
  const axes = new Map<string, Set<number | undefined>>();
  for (const node of graph.nodes) {
    const rule = node.domain === '' ? operatorRules[node.opType] : undefined;
    const weight = rule && (weightOf(node, rule, graph) ?? (rule.looksUp && constantOf(graph, node.inputs[0] ?? '')));
    if (!weight) continue;
    const seen = axes.get(weight.name) ?? new Set();
    axes.set(weight.name, seen.add(rule.weight?.axis(node, weight.dims.length)));
  }
  return new Set([...axes].filter(([, seen]) => seen.size > 1).map(([name]) => name));
}

/** `unit → Relu` ⇒ `unit` with a range that starts at zero; only if nobody else reads between them. */
function withFolded(unit: Unit, { graph, links, options }: Scene): Unit {
  // A pass-through operator cannot choose its range. A zero point in the middle does not cut negative values off.
  if (unit.rule.role === 'passThrough' || unit.rule.outputRange || links.outputs.has(unit.output)) return unit;
  if (options.symmetric && options.target !== 'tensorrt') return unit;
  const [next, ...others] = links.consumers.get(unit.output) ?? [];
  if (!next || others.length > 0 || next.inputs[0] !== unit.output || !clipBounds(graph, next)) return unit;
  const output = next.outputs[0]!;
  return isCaptured(output, links) ? unit : { ...unit, folded: next, output };
}

/** Goes upstream: an end of a chain where int8 saves nothing returns to float. */
function dropIdleEnds(units: readonly Unit[], floats: Map<Node, string>): Unit[] {
  const kept: Unit[] = [];
  const read = new Set<string>();
  const producers = new Map(units.flatMap((unit) => outputsOf(unit).map((output) => [output, unit] as const)));
  for (const unit of units.toReversed()) {
    if (pays(unit, producers, read)) {
      kept.unshift(unit);
      for (const name of unit.activations) read.add(name);
    } else for (const node of [unit.node, unit.folded]) if (node) floats.set(node, 'nothing after it runs in int8');
  }
  return kept;
}

function pays(unit: Unit, producers: ReadonlyMap<string, Unit>, read: ReadonlySet<string>): boolean {
  const { rule, activations } = unit;
  if (outputsOf(unit).some((output) => read.has(output))) return true;
  if (!rule.canEndChain) return false;
  // What feeds it could as well end in float itself, without a rounding.
  return (
    rule.role === 'compute' ||
    activations.length === 0 ||
    !activations.every((name) => producers.get(name)?.rule.canEndInFloat)
  );
}

function settleOutput(unit: Unit, units: readonly Unit[], floats: Map<Node, string>): Unit {
  if (!unit.rule.canEndInFloat || isRead(unit.output, units)) return unit;
  if (unit.folded) floats.set(unit.folded, 'nothing after it runs in int8');
  return { ...unit, folded: undefined, output: unit.node.outputs[0]!, quantizesOutput: false };
}

function isRead(tensor: string, units: readonly Unit[]): boolean {
  return units.some(({ activations }) => activations.includes(tensor));
}
