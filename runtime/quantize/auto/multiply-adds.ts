/**
 * How much of a model's arithmetic runs in int8, counted in multiply-adds of the nodes that have weights or multiply matrices.
 * Sizes come from running the model once; nodes inside bodies of If and Loop are not counted.
 */
import { intAttribute } from '../../graph/attributes.ts';
import type { Model, Node } from '../../graph/model.ts';
import { elementCount } from '../../graph/tensor.ts';
import type { NodeOutcome } from '../messages.ts';
import type { Shapes } from '../prepare/run-shapes.ts';

/** Multiply-adds of a node from the shapes of its inputs and its first output. */
const counts: Readonly<
  Record<string, (inputs: readonly (readonly number[])[], output: readonly number[], node: Node) => number>
> = {
  // Every output value sums over the kernel: weights are [outputs, inputs / group, ...kernel].
  Conv: ([, weight = []], output) => elementCount(output) * elementCount(weight.slice(1)),
  // Every input value is spread by the kernel: weights are [inputs, outputs / group, ...kernel].
  ConvTranspose: ([input = [], weight = []]) => elementCount(input) * elementCount(weight.slice(1)),
  Gemm: ([input = []], output, node) =>
    elementCount(output) * (intAttribute(node, 'transA', 0) ? (input[0] ?? 1) : (input[1] ?? 1)),
  MatMul: ([input = []], output) => elementCount(output) * (input.at(-1) ?? 1),
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  Attention: attention,
};

/** W is [directions, gates · hidden, inputs], R [directions, gates · hidden, hidden]; X is [length, batch, inputs]. */
function recurrent([x = [], w = [], r = []]: readonly (readonly number[])[]): number {
  return (x[0] ?? 1) * (x[1] ?? 1) * (elementCount(w) + elementCount(r));
}

/** Projections, scores, and their mixture; x is [batch, length, width], weights [width, 3 · width]. */
function attention([x = [], weight = []]: readonly (readonly number[])[]): number {
  const [batch = 1, length = 1] = x;
  const width = (weight[1] ?? 0) / 3;
  return batch * length * (elementCount(weight) + 2 * length * width);
}

export type MultiplyAdds = {
  readonly total: number;
  readonly inInt8: number;
  /** 0 to 1; 0 for a model without any. */
  readonly share: number;
  /** What stays float, the largest first, with the reason. */
  readonly float: readonly {
    readonly node: string;
    readonly opType: string;
    readonly share: number;
    readonly reason: string;
  }[];
};

/** By node name, of the nodes that have any. */
export function multiplyAddsOf({ graph }: Model, shapes: Shapes): ReadonlyMap<string, number> {
  const shapeOf = (name: string) => graph.initializers.get(name)?.dims ?? shapes.get(name) ?? [];
  return new Map(
    graph.nodes.flatMap((node) => {
      const count = counts[node.opType]?.(node.inputs.map(shapeOf), shapeOf(node.outputs[0]!), node) ?? 0;
      return count > 0 ? [[node.name, count] as const] : [];
    }),
  );
}

export function shareInInt8(
  model: Model,
  multiplyAdds: ReadonlyMap<string, number>,
  outcomes: readonly NodeOutcome[],
): MultiplyAdds {
  const total = [...multiplyAdds.values()].reduce((sum, count) => sum + count, 0);
  const outcomeOf = new Map(outcomes.map((outcome) => [outcome.node, outcome]));
  const float = model.graph.nodes.flatMap(({ name, opType }) => {
    const count = multiplyAdds.get(name) ?? 0;
    const outcome = outcomeOf.get(name);
    if (count === 0 || outcome?.kernel) return [];
    return [
      { node: name, opType, share: count / total, reason: outcome?.reason ?? 'the whole model is faster in float' },
    ];
  });
  const inInt8 = total - float.reduce((sum, { node }) => sum + multiplyAdds.get(node)!, 0);
  return { total, inInt8, share: total === 0 ? 0 : inInt8 / total, float: float.sort((a, b) => b.share - a.share) };
}
