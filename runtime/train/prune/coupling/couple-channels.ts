/**
 * Which channels of a model can only be removed together. Every position along every axis of every value is followed from the
 * model's inputs to its outputs (positions.ts) by one table of operators; what a weight makes and no operator pins can be
 * removed. The result is plain data.
 */
import { constantOf, constantTensor } from '../../../graph/initializer.ts';
import { usedBy } from '../../../graph/links.ts';
import type { Graph, Node } from '../../../graph/model.ts';
import { elementwiseRules } from './elementwise-rules.ts';
import { layerRules } from './layer-rules.ts';
import { type Dims, Positions } from './positions.ts';
import { axisFrom, type CouplingContext, type CouplingRule } from './rule.ts';
import { shapeRules } from './shape-rules.ts';

export const couplingRules: Readonly<Record<string, CouplingRule>> = {
  ...elementwiseRules,
  ...layerRules,
  ...shapeRules,
};

export type Coupling = {
  readonly shapes: ReadonlyMap<string, Dims>;
  /** Value → axis → the channel that each position belongs to; −1 for what stays whatever is pruned. */
  readonly labels: ReadonlyMap<string, readonly Int32Array[]>;
  readonly groups: readonly ChannelGroup[];
  /** Every layer that makes channels, in the model's order. */
  readonly layers: readonly LayerChannels[];
  /** Layers that keep all channels, or some. */
  readonly whole: readonly WholeLayer[];
};

/** Channels that the same layers make; each may be removed without the others. */
export type ChannelGroup = {
  /** Names of the layers (nodes with weights) that make them, in the model's order. */
  readonly nodes: readonly string[];
  /** Numbers of the channels, as in `labels`. */
  readonly channels: readonly number[];
  /** Positions in the output of its first layer that one channel takes up: more than 1 in grouped convolutions and flattened images. */
  readonly width: number;
};

export type LayerChannels = {
  readonly node: string;
  readonly opType: string;
  /** The value that it computes, and the axis of its channels. */
  readonly output: string;
  readonly axis: number;
};

export type WholeLayer = {
  readonly node: string;
  readonly opType: string;
  /** Output channels that stay, of how many. */
  readonly pinned: number;
  readonly channels: number;
  /** `it is an output of the model`, and by which node if by another. */
  readonly reason: string;
};

/**
 * @param graph its weights are initializers, and its nodes have names of their own.
 * @param shapes of all computed values and inputs, from a run; a value without one is left whole.
 */
export function coupleChannels(graph: Graph, shapes: ReadonlyMap<string, Dims>): Coupling {
  const all = new Map([...shapes, ...[...graph.initializers].map(([name, { dims }]) => [name, dims] as const)]);
  const positions = new Positions(all);
  for (const { name } of graph.inputs) pinValue(positions, name, { node: '', reason: 'it is an input of the model' });
  for (const node of graph.nodes) coupleNode(graph, node, positions);
  for (const { name } of graph.outputs) pinValue(positions, name, { node: '', reason: 'it is an output of the model' });
  return collect(graph, all, positions);
}

function coupleNode(graph: Graph, node: Node, positions: Positions): void {
  const values = [...usedBy(node), ...node.outputs.filter(Boolean)];
  const refusal = values.some((name) => positions.axes(name) === undefined)
    ? 'the shape of its values is not known'
    : refusalOf(graph, node, positions);
  if (refusal === undefined) return;
  for (const name of values) pinValue(positions, name, { node: node.name, reason: refusal });
}

function refusalOf(graph: Graph, node: Node, positions: Positions): string | undefined {
  const rule = node.domain === '' && Object.hasOwn(couplingRules, node.opType) ? couplingRules[node.opType] : undefined;
  return rule ? rule.couple(node, contextFor(graph, node, positions)) : `${node.opType} is not followed`;
}

function pinValue(positions: Positions, name: string, pin: { node: string; reason: string }): void {
  for (const axis of positions.axes(name) ?? []) positions.pin(axis, pin);
}

function contextFor(graph: Graph, node: Node, positions: Positions): CouplingContext {
  const axes: CouplingContext['axes'] = (name = '') => positions.axes(name) ?? [];
  return {
    axes,
    dims: (name) => axes(name).map(({ size }) => size),
    constant: (name = '') => constantTensor(graph, name),
    shapeVector: (name = '') => shapeVector(graph, name, axes),
    readers: (name) => graph.nodes.filter(({ inputs }) => inputs.includes(name)),
    join: (a, b) => positions.join(a, b),
    joinAxes: (a, b) => {
      if (a && b) positions.joinAxes(a, b);
    },
    pin: (axis, reason) => {
      if (axis) positions.pin(axis, { node: node.name, reason });
    },
    isFree: (axis) => positions.isFree(axis),
  };
}

/** A constant, or a Concat of constants and computed sizes, as exporters write it for a free batch size. */
function shapeVector(
  graph: Graph,
  name: string,
  axes: CouplingContext['axes'],
): readonly (number | undefined)[] | undefined {
  const constant = constantTensor(graph, name);
  if (constant) return Array.from(constant.data, Number);
  const producer = graph.nodes.find(({ outputs }) => outputs.includes(name));
  if (producer?.opType !== 'Concat') return undefined;
  return producer.inputs.flatMap((part) => {
    const values = constantTensor(graph, part);
    const count = axes(part)[0]?.size ?? 1;
    return values ? Array.from(values.data, Number) : new Array<undefined>(count).fill(undefined);
  });
}

/** Numbers the free sets that some layer makes, and turns everything into plain data. */
function collect(graph: Graph, shapes: ReadonlyMap<string, Dims>, positions: Positions): Coupling {
  const numbers = new Map<number, number>();
  const layers = graph.nodes.flatMap((node) => layerOf(graph, node, positions) ?? []);
  for (const { sets } of layers) for (const set of sets) if (!numbers.has(set)) numbers.set(set, numbers.size);
  const labelOf = (position: number) => numbers.get(positions.setOf(position)) ?? -1;
  const labels = new Map(
    [...shapes.keys()].map((name) => [
      name,
      positions.axes(name)!.map(({ first, size }) => Int32Array.from({ length: size }, (_, at) => labelOf(first + at))),
    ]),
  );
  const free = layers.filter(({ sets }) => sets.length > 0);
  return {
    ...{ shapes, labels, whole: layers.flatMap(({ whole }) => whole ?? []) },
    layers: layers.map(({ node: { name, opType }, output, axis }) => ({ node: name, opType, output, axis })),
    groups: groupsOf(free.map(({ node, sets }) => ({ node, channels: sets.map((set) => numbers.get(set)!) }))),
  };
}

type FreeLayer = {
  readonly node: Node;
  readonly output: string;
  readonly axis: number;
  /** Of each position along its channels that can be removed. */
  readonly sets: readonly number[];
  readonly whole: WholeLayer | undefined;
};

function layerOf(graph: Graph, node: Node, positions: Positions): FreeLayer | undefined {
  const channels = node.domain === '' ? couplingRules[node.opType]?.channels : undefined;
  const weight = channels && constantOf(graph, node.inputs[channels.weight] ?? '');
  if (!channels || weight?.type !== 'float32') return undefined;
  const output = node.outputs.find(Boolean) ?? '';
  const axes = positions.axes(output) ?? [];
  const at = axisFrom(channels.axis, axes.length);
  const axis = axes[at];
  if (!axis) return undefined;
  const places = Array.from({ length: axis.size }, (_, place) => axis.first + place);
  const pinned = places.filter((place) => positions.pinOf(place));
  const pin = pinned.length > 0 ? positions.pinOf(pinned[0]!)! : undefined;
  const sets = places.filter((place) => !positions.pinOf(place)).map((place) => positions.setOf(place));
  const whole = pin && {
    ...{ node: node.name, opType: node.opType, pinned: pinned.length, channels: axis.size },
    reason: pin.node === node.name || pin.node === '' ? pin.reason : `${pin.reason} ("${pin.node}")`,
  };
  return { node, output, axis: at, sets, whole };
}

/** Layers that share a channel (a residual sum, a depthwise convolution) are one group. */
function groupsOf(layers: readonly { node: Node; channels: readonly number[] }[]): readonly ChannelGroup[] {
  const groups: { nodes: string[]; channels: Set<number>; width: number }[] = [];
  for (const { node, channels } of layers) {
    const touching = groups.filter((group) => channels.some((channel) => group.channels.has(channel)));
    const [group = { nodes: [], channels: new Set<number>(), width: channels.length / new Set(channels).size }] =
      touching;
    for (const other of touching.slice(1)) {
      group.nodes.push(...other.nodes);
      for (const channel of other.channels) group.channels.add(channel);
      groups.splice(groups.indexOf(other), 1);
    }
    group.nodes.push(node.name);
    for (const channel of channels) group.channels.add(channel);
    if (touching.length === 0) groups.push(group);
  }
  return groups.map(({ nodes, channels, width }) => ({ nodes, channels: [...channels], width }));
}
