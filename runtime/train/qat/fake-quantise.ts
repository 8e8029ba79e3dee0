/**
 * Fake quantisation: x → s·(q − z), q = clip(round(x/s) + z), written as Clip → QuantizeLinear → DequantizeLinear, because clipping
 * then has a gradient of its own and rounding is the very kernel's. Narrower integers are the same with fewer levels
 * between the clip's bounds.
 *
 * A learned scale is s = s₀·e^θ with θ from 0, so that one learning rate suits scales of any size and none turns negative.
 * Source: Esser et al. 2020 (LSQ); the logarithm as in Jain et al. 2020 (TQT).
 */
import { int } from '../../graph/attributes.ts';
import { node as makeNode } from '../../graph/build.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Parameter } from '../step/parameters.ts';
import type { Writer } from '../writer.ts';
import type { Grid } from './grid.ts';

/** How scales change while training. */
export type ScaleMode = 'learned' | 'moving-average' | 'fixed';

/** A scale in the graph, and the levels that it spaces. */
export type Scale = { readonly grid: Grid; readonly value: string };

/** What has to be trained, or averaged, for scales. */
export type ScaleRegister = {
  readonly parameters: Parameter[];
  readonly running: Map<string, string>;
};

/** Scales move slower than weights: each moves a whole tensor. */
const thetaRate = 0.5;

/** @param name of the tensor; @param dims [] for one scale, [n] for one for each channel. */
export function writeScale(
  write: Writer,
  { parameters }: ScaleRegister,
  name: string,
  dims: readonly number[],
  grid: Grid,
  initial: Float32Array<ArrayBuffer>,
  isLearned: boolean,
): Scale {
  const start = write.constant({ type: 'float32', dims, data: initial });
  if (!isLearned) return { grid, value: start };
  const theta = write.store(`${name}/theta`, { type: 'float32', dims, data: new Float32Array(initial.length) });
  parameters.push({ name: theta, rate: thetaRate, decays: false });
  return { grid, value: write.op('Mul', [write.op('Exp', [theta]), start]) };
}

/** The weight of a new batch. Source: the default of PyTorch's moving-average observer. */
const averagingConstant = 0.01;
/** So that a tensor that is all zero has a scale, too. */
const smallestScale = 1e-9;

/** s ← s + c·(s of this batch − s), s of a batch the least that covers both of its ends. */
export function writeMovingScale(
  write: Writer,
  { running }: ScaleRegister,
  name: string,
  input: string,
  grid: Grid,
  initial: Float32Array<ArrayBuffer>,
): Scale {
  const state = write.store(`${name}/scale`, { type: 'float32', dims: [], data: initial.slice() });
  const above = grid.steps - grid.zeroPoint;
  const ends = [
    write.float(smallestScale),
    ...(above > 0 ? [write.scale(write.op('ReduceMax', [input], { keepdims: int(0) }), 1 / above)] : []),
    ...(grid.zeroPoint > 0
      ? [write.scale(write.op('ReduceMin', [input], { keepdims: int(0) }), -1 / grid.zeroPoint)]
      : []),
  ];
  const old = write.scale(state, 1 - averagingConstant);
  running.set(state, write.op('Add', [old, write.scale(write.op('Max', ends), averagingConstant)]));
  return { grid, value: state };
}

/** Rounds a tensor with one scale. @param output the name that the rounded value gets. */
export function writeRounding(write: Writer, input: string, { grid, value }: Scale, output: string): void {
  const { steps, zeroPoint } = grid;
  const bounds = [write.scale(value, -zeroPoint), write.scale(value, steps - zeroPoint)];
  const zero = write.constant({ type: 'uint8', dims: [], data: Uint8Array.of(zeroPoint) });
  const integers = write.op('QuantizeLinear', [write.op('Clip', [input, ...bounds]), value, zero]);
  write.append(makeNode('DequantizeLinear', [integers, value, zero], [output], {}, `${output}/rounding`));
}

/** Rounds a weight, symmetrically, with one scale or one for each index of `axis`. @returns the rounded value. */
export function writeWeightRounding(
  write: Writer,
  name: string,
  { dims }: Tensor,
  axis: number | undefined,
  { grid: { steps }, value }: Scale,
): string {
  const onAxis = dims.map((_, i) => (i === axis ? -1 : 1));
  const aligned = axis === undefined ? value : write.reshape(value, onAxis);
  const below = write.op('Min', [name, write.scale(aligned, steps)]);
  const clipped = write.op('Max', [below, write.scale(aligned, -steps)]);
  const count = axis === undefined ? 1 : dims[axis]!;
  const zero = write.constant({
    type: 'int8',
    dims: axis === undefined ? [] : [count],
    data: new Int8Array(count),
  });
  const attributes = axis === undefined ? {} : { axis: int(axis) };
  const integers = write.op('QuantizeLinear', [clipped, value, zero], attributes);
  return write.op('DequantizeLinear', [integers, value, zero], attributes);
}
