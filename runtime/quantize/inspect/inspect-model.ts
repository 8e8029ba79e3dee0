/** What a model is, node by node, and what quantising would make of each node, found by trying it. */
import { stat } from 'node:fs/promises';
import { loadModel } from '../../graph/load.ts';
import { type Dim, type Graph, type Model, opsetVersion, subgraphsOf, type ValueInfo } from '../../graph/model.ts';
import { type ElementType, elementCount, type Feeds } from '../../graph/tensor.ts';
import { syntheticFeeds } from '../../measure/trial-feeds.ts';
import { planQuantization, type QuantizationPlan } from '../plan.ts';
import { countQuantized, modelInputs, prepareModel } from '../prepare/prepare.ts';
import { type NodeFigures, nodeFigures, shapesIfItRuns, sum, totalMultiplyAdds } from './node-figures.ts';

export type DescribedValue = {
  readonly name: string;
  /** Null when it is no tensor. */
  readonly type: ElementType | null;
  /** A size, the name of a free one, or null for one without a name; null in all when the rank is unknown. */
  readonly dims: readonly Dim[] | null;
};

export type ModelReport = {
  readonly path: string;
  readonly sizeBytes: number;
  readonly irVersion: number;
  readonly opset: number | null;
  readonly inputs: readonly DescribedValue[];
  readonly outputs: readonly DescribedValue[];
  readonly parameters: number;
  /** How many nodes of each operator, bodies included. */
  readonly operators: Readonly<Record<string, number>>;
  /** Of one call; null when they cannot be counted: in bodies of If and Loop, or without inputs that the model runs on. */
  readonly multiplyAdds: number | null;
  /** In order of execution, nodes of bodies after the node that owns them. */
  readonly nodes: readonly NodeFigures[];
  /** Nodes that compute in, or convert to and from, integers. */
  readonly quantizedNodes: number;
  /** Null for a model that is quantised already. */
  readonly plan: QuantizationPlan | null;
};

/**
 * @param feeds what to run it on for the shapes; without them synthetic inputs, free sizes 1.
 * @throws FILE_*, MODEL_INVALID, MODEL_UNSUPPORTED. Opens sessions: a long-lived process leaves it to a child.
 */
export async function inspectModel(path: string, feeds?: Feeds): Promise<ModelReport> {
  const model = await loadModel(path);
  const { graph } = model;
  const all = allNodes(graph);
  const quantizedNodes = countQuantized(model);
  const nodes = nodeFigures(model, await shapesIfItRuns(model, feeds ?? syntheticFeeds(modelInputs(model))));
  return {
    path,
    sizeBytes: (await stat(path)).size,
    irVersion: model.irVersion,
    opset: opsetVersion(model) ?? null,
    inputs: modelInputs(model).map(describeValue),
    outputs: graph.outputs.map(describeValue),
    parameters: countParameters(model),
    operators: Object.fromEntries([...Map.groupBy(all, ({ opType }) => opType)].map(([k, v]) => [k, v.length])),
    multiplyAdds: totalMultiplyAdds(nodes),
    nodes,
    quantizedNodes,
    plan: quantizedNodes > 0 ? null : await planQuantization(await prepareModel(path)),
  };
}

function allNodes(graph: Graph): Graph['nodes'] {
  return graph.nodes.flatMap((node) => [node, ...subgraphsOf(node).flatMap(allNodes)]);
}

/** Elements of all initializers, and of the tensors in `Constant` nodes, bodies included. */
function countParameters({ graph }: Model): number {
  const stored = (part: Graph): number[] => [
    ...[...part.initializers.values()].map(({ dims }) => elementCount(dims)),
    ...part.nodes.flatMap((node) => [
      ...[...node.attributes.values()].map((value) => (value.kind === 'tensor' ? elementCount(value.value.dims) : 0)),
      ...subgraphsOf(node).flatMap(stored),
    ]),
  ];
  return sum(stored(graph));
}

/** Null and not undefined, which JSON would leave out. */
function describeValue({ name, type, dims }: ValueInfo): DescribedValue {
  return { name, type: type ?? null, dims: dims ?? null };
}
