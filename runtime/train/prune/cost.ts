/** What a model costs, whole or without some channels: counted from the shapes that are left, before anything is cut. */
import type { Graph } from '../../graph/model.ts';
import { elementCount } from '../../graph/tensor.ts';
import { multiplyAdds } from '../../quantize/multiply-adds.ts';
import type { Coupling } from './coupling/couple-channels.ts';
import type { Dims } from './coupling/positions.ts';

export const costMeasures = ['multiply-adds', 'parameters', 'channels'] as const;
export type CostMeasure = (typeof costMeasures)[number];

export type Cost = Readonly<Record<CostMeasure, number>>;

const nothing: ReadonlySet<number> = new Set();

/** Multiply-adds of one call on the sample that the shapes are from; parameters are the float32 initializers' values. */
export function costOf(graph: Graph, coupling: Coupling, removed: ReadonlySet<number> = nothing): Cost {
  const shapeOf = shapesWithout(coupling, removed);
  const arithmetic = graph.nodes.map((node) => (node.domain === '' ? (multiplyAdds(node, shapeOf) ?? 0) : 0));
  const weights = [...graph.initializers.values()].filter(({ type }) => type === 'float32');
  return {
    'multiply-adds': sum(arithmetic),
    parameters: sum(weights.map(({ name }) => elementCount(shapeOf(name) ?? []))),
    channels: sum(coupling.groups.map(({ channels }) => channels.filter((channel) => !removed.has(channel)).length)),
  };
}

/** The shape of each value once these channels are gone; undefined for an unknown one. */
export function shapesWithout(
  { shapes, labels }: Coupling,
  removed: ReadonlySet<number>,
): (name: string) => Dims | undefined {
  const known = new Map<string, Dims>();
  return (name) => {
    const dims = shapes.get(name);
    if (removed.size === 0 || dims === undefined || known.has(name)) return known.get(name) ?? dims;
    const left = labels
      .get(name)!
      .map((axis) => axis.reduce((count, channel) => count + (removed.has(channel) ? 0 : 1), 0));
    known.set(name, left);
    return left;
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
