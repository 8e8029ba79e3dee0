/**
 * A model without some of its channels: every tensor cut along its axes, every node that states a size or a count told the new
 * one. What is left computes what the original computes with all weights of these channels at zero.
 */
import { stridesOf } from '../../graph/broadcast.ts';
import { int64 } from '../../graph/build.ts';
import { constantTensor, readTensor, storeTensor } from '../../graph/initializer.ts';
import { definedIn } from '../../graph/links.ts';
import type { Graph, Model, Node, StoredTensor } from '../../graph/model.ts';
import { removeUnusedIn } from '../../graph/remove-unused.ts';
import { elementCount, elementTypes, type Tensor } from '../../graph/tensor.ts';
import { type Coupling, couplingRules } from './coupling/couple-channels.ts';
import type { ResizeContext } from './coupling/rule.ts';

/** @param removed channels as `coupling` numbers them; of every axis something must be left (choose-channels.ts sees to it). */
export function removeChannels(model: Model, coupling: Coupling, removed: ReadonlySet<number>): Model {
  if (removed.size === 0) return model;
  const added = new Map<string, StoredTensor>();
  const resized = model.graph.nodes.map((node) => {
    const rule = node.domain === '' ? couplingRules[node.opType] : undefined;
    return rule?.resize && isCut(node, coupling, removed)
      ? rule.resize(node, resizeContext(model.graph, coupling, removed, added))
      : node;
  });
  const cut = [...model.graph.initializers].map(
    ([name, stored]) => [name, cutTensor(name, stored, coupling, removed)] as const,
  );
  const graph: Graph = {
    ...model.graph,
    nodes: resized,
    initializers: new Map([...cut, ...added]),
    // Stated shapes of inner values are those of before.
    valueInfo: model.graph.valueInfo.map((value) => ({ ...value, dims: undefined })),
  };
  return { ...model, graph: removeUnusedIn(graph, model.source.trainingInfo.length > 0) };
}

/** Positions along one axis of a value that stay, ascending. */
export function keptPositions(
  { labels }: Coupling,
  removed: ReadonlySet<number>,
  name: string,
  axis: number,
): readonly number[] {
  const kept: number[] = [];
  labels.get(name)?.[axis]?.forEach((channel, at) => {
    if (!removed.has(channel)) kept.push(at);
  });
  return kept;
}

function isCut(node: Node, { labels }: Coupling, removed: ReadonlySet<number>): boolean {
  const names = [...node.inputs, ...node.outputs];
  return names.some((name) => labels.get(name)?.some((axis) => axis.some((channel) => removed.has(channel))));
}

function resizeContext(
  graph: Graph,
  coupling: Coupling,
  removed: ReadonlySet<number>,
  added: Map<string, StoredTensor>,
): ResizeContext {
  const taken = definedIn(graph);
  return {
    dims: (name = '') => coupling.shapes.get(name) ?? [],
    kept: (name, axis) => keptPositions(coupling, removed, name, axis),
    constant: (name = '') => constantTensor(graph, name),
    vector(base, values) {
      let name = base;
      for (let suffix = 1; taken.has(name) || added.has(name); suffix++) name = `${base}_${suffix}`;
      added.set(name, storeTensor(name, int64([values.length], values)));
      return name;
    },
  };
}

function cutTensor(name: string, stored: StoredTensor, coupling: Coupling, removed: ReadonlySet<number>): StoredTensor {
  const kept = stored.dims.map((_, axis) => keptPositions(coupling, removed, name, axis));
  if (kept.every((positions, axis) => positions.length === stored.dims[axis])) return stored;
  return storeTensor(name, pick(readTensor(stored), kept));
}

/** @param kept for each axis, the positions to take. */
function pick(tensor: Tensor, kept: readonly (readonly number[])[]): Tensor {
  const dims = kept.map(({ length }) => length);
  const strides = stridesOf(tensor.dims);
  const offsets = kept.map((positions, axis) => positions.map((position) => position * strides[axis]!));
  const data = new elementTypes[tensor.type].array(elementCount(dims));
  let at = 0;
  const copy = (axis: number, from: number): void => {
    if (axis === dims.length) data[at++] = tensor.data[from]!;
    else for (const offset of offsets[axis]!) copy(axis + 1, from + offset);
  };
  if (data.length > 0) copy(0, 0);
  return { ...tensor, dims, data } as Tensor;
}
