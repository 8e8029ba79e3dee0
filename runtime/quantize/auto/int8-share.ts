/**
 * How much of a model's arithmetic runs in int8, counted in multiply-adds. Sizes come from running the model once; nodes inside
 * bodies of If and Loop are not counted.
 */
import type { Model } from '../../graph/model.ts';
import type { NodeOutcome } from '../messages.ts';
import { multiplyAdds } from '../multiply-adds.ts';
import type { Shapes } from '../prepare/run-shapes.ts';

export type Int8Share = {
  /** Multiply-adds of one call. */
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

/** @param shapes of the model's values, from running it. @param outcomes of what was made from it, by its nodes. */
export function int8ShareOf({ graph }: Model, shapes: Shapes, outcomes: readonly NodeOutcome[]): Int8Share {
  const shapeOf = (name: string) => graph.initializers.get(name)?.dims ?? shapes.get(name);
  const counted = graph.nodes
    .map((node) => ({ node, count: multiplyAdds(node, shapeOf) ?? 0 }))
    .filter(({ count }) => count > 0);
  const outcomeOf = new Map(outcomes.map((outcome) => [outcome.node, outcome]));
  const inFloat = counted.filter(({ node }) => !outcomeOf.get(node.name)?.kernel);
  const total = sum(counted);
  const inInt8 = total - sum(inFloat);
  const float = inFloat.map(({ node: { name, opType }, count }) => {
    const reason = outcomeOf.get(name)?.reason ?? 'the whole model is faster in float';
    return { node: name, opType, share: count / total, reason };
  });
  return { total, inInt8, share: total === 0 ? 0 : inInt8 / total, float: float.sort((a, b) => b.share - a.share) };
}

function sum(counted: readonly { readonly count: number }[]): number {
  return counted.reduce((total, { count }) => total + count, 0);
}
