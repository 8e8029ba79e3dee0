/**
 * BatchNormalization as it is in training: BN(x; γ, β, μ, σ²) ⇒ BN(x; γ, β, mean(x), var(x)) over batch and positions, and running
 * averages μ ← m·μ + (1 − m)·mean(x), σ² likewise, m the node's momentum. The mean and variance are ordinary values, so
 * the gradient through them needs no rule of its own. Source: Ioffe and Szegedy 2015, algorithms 1 and 2.
 */
import { floatAttribute } from '../../graph/attributes.ts';
import { constantOf } from '../../graph/initializer.ts';
import type { Graph } from '../../graph/model.ts';
import { graphWriter } from '../writer.ts';

export type BatchStatistics = {
  readonly graph: Graph;
  /** Initializers that hold running averages, with the values that are their next state. */
  readonly running: ReadonlyMap<string, string>;
};

/** @param shape of the values that are normalised. A node whose averages are no constants stays as it is. */
export function useBatchStatistics(graph: Graph, shape: (name: string) => readonly number[]): BatchStatistics {
  const write = graphWriter(graph, 'batch', true);
  const running = new Map<string, string>();
  for (const node of graph.nodes) {
    const isFrozen = [3, 4].some((index) => constantOf(graph, node.inputs[index] ?? '') === undefined);
    if (node.opType !== 'BatchNormalization' || isFrozen) {
      write.append(node);
      continue;
    }
    const [x, scale, bias, mean, variance] = node.inputs as [string, string, string, string, string];
    const dims = shape(x);
    const axes = dims.map((_, axis) => axis).filter((axis) => axis !== 1);
    const count = axes.reduce((product, axis) => product * dims[axis]!, 1);
    const average = (value: string) => write.scale(write.sum(value, axes, true), 1 / count);
    const batchMean = average(x);
    const centred = write.op('Sub', [x, batchMean]);
    const batchVariance = write.reshape(average(write.op('Mul', [centred, centred])), [-1]);
    const flatMean = write.reshape(batchMean, [-1]);
    const keep = floatAttribute(node, 'momentum', 0.9);
    const blend = (old: string, fresh: string) =>
      write.op('Add', [write.scale(old, keep), write.scale(fresh, 1 - keep)]);
    running.set(mean, blend(mean, flatMean)).set(variance, blend(variance, batchVariance));
    write.append({ ...node, inputs: [x, scale, bias, flatMean, batchVariance] });
  }
  return { graph: write.graph(), running };
}
