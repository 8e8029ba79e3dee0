/** What one operator says about the channels of what it reads and gives. */
import type { Node } from '../../../graph/model.ts';
import type { Tensor } from '../../../graph/tensor.ts';
import type { Axis, Dims } from './positions.ts';

export type CouplingRule = {
  /** Joins the positions that go together and pins those that stay. @returns why the node cannot be followed, or undefined. */
  couple(node: Node, context: CouplingContext): string | undefined;
  /** The output's axis that its weight makes: what pruning it removes. Absent for operators without weights. */
  readonly channels?: ChannelAxis;
  /** The node once some positions are gone: group counts, sizes, offsets. Absent where nothing in it depends on them. */
  resize?(node: Node, context: ResizeContext): Node;
};

export type ChannelAxis = {
  /** The input that must be constant. */
  readonly weight: number;
  /** Of the first output; negative counts from the end. */
  readonly axis: number;
};

export type CouplingContext = {
  /** Axes of a value whose shape is known; empty for an optional input left out and for a scalar. */
  axes(name: string | undefined): readonly Axis[];
  dims(name: string | undefined): Dims;
  constant(name: string | undefined): Tensor | undefined;
  /** The values of a shape vector; undefined entries are computed when running. Undefined when nothing is known about it. */
  shapeVector(name: string | undefined): readonly (number | undefined)[] | undefined;
  /** Operators that read a value. */
  readers(name: string): readonly Node[];
  join(a: number, b: number): void;
  joinAxes(a: Axis | undefined, b: Axis | undefined): void;
  pin(axis: Axis | undefined, reason: string): void;
  isFree(axis: Axis): boolean;
};

export type ResizeContext = {
  /** Shape before. */
  dims(name: string | undefined): Dims;
  /** Positions that stay, ascending. */
  kept(name: string, axis: number): readonly number[];
  constant(name: string | undefined): Tensor | undefined;
  /** A new int64 vector for one node, because another may share the old. @returns its name. */
  vector(base: string, values: readonly number[]): string;
};

/** `-1` → the last axis. */
export function axisFrom(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
