/** What a gradient rule is, and what it may ask. */
import type { Node } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Writer } from '../writer.ts';

/**
 * For each input of the node a function that writes dL/d(input) and gives its name; undefined where there is none (shapes,
 * axes, indices). Only the functions of inputs that lead to a parameter are called.
 */
export type GradientRule = (node: Node, context: RuleContext) => readonly (InputGradient | undefined)[];

export type InputGradient = () => string;

export type RuleContext = {
  readonly write: Writer;
  /** dL/d(output 0). Rules of operators with several outputs ask `gradientOf`. */
  readonly dy: string;
  /** dL/d(output `index`); undefined when the loss does not depend on it. */
  gradientOf(index: number): string | undefined;
  /** Shape of any value of the graph, as it was when the model ran. */
  shape(name: string): readonly number[];
  /** The value when it never changes. */
  constant(name: string): Tensor | undefined;
};

/** Numbers of a constant input (axes, pads, steps); undefined when it is left out. */
export function constantNumbers(context: RuleContext, name: string | undefined): readonly number[] | undefined {
  const tensor = name ? context.constant(name) : undefined;
  return tensor && Array.from<number | bigint, number>(tensor.data, Number);
}

/** Axes counted from the front. */
export function frontAxes(axes: readonly number[], rank: number): readonly number[] {
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** 0, 1, …, count − 1. */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** `value` of shape `from` summed down to the shape `to` that was broadcast to it. */
export function unbroadcast(write: Writer, value: string, from: readonly number[], to: readonly number[]): string {
  const lead = from.length - to.length;
  const axes = range(from.length).filter((axis) => axis < lead || (to[axis - lead] === 1 && from[axis] !== 1));
  if (axes.length === 0) return value;
  const summed = write.sum(value, axes, true);
  return lead > 0 ? write.reshape(summed, to) : summed;
}

/** A rule whose results have the output's shape: they are summed over whatever axes each input was broadcast along. */
export function broadcasting(rule: GradientRule): GradientRule {
  return (node, context) => {
    const from = context.shape(node.outputs[0]!);
    return rule(node, context).map(
      (gradient, i) => gradient && (() => unbroadcast(context.write, gradient(), from, context.shape(node.inputs[i]!))),
    );
  };
}
