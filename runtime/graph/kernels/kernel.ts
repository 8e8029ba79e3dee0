/** What a reference kernel is, and how it reads its inputs: each one is checked once, here, and named in the error. */
import { OctetError } from '../../base/errors.ts';
import { type IntegerType, integerRanges } from '../integers.ts';
import type { Node } from '../model.ts';
import type { Float32Values, Granularity, QuantizedTensor } from '../quantized-tensor.ts';
import type { ElementType, Tensor } from '../tensor.ts';

/** Undefined is an optional input left out. */
export type Inputs = readonly (Tensor | undefined)[];

/**
 * One operator on real tensors: a pure function from the inputs, and the node for its attributes, to the outputs. Written
 * to be read beside the formula, not to be fast.
 * @throws MODEL_INVALID for inputs that the operator forbids; MODEL_UNSUPPORTED for a variant that no kernel covers.
 */
export type Kernel = (inputs: Inputs, node: Node) => readonly Tensor[];

/** Integers and the value that stands for zero: one, or one for each slice. */
export type Operand = {
  readonly tensor: Tensor<IntegerType>;
  readonly zeroPoint: Int32Array<ArrayBuffer>;
};

/** Parameters of a result that is quantised as a whole. */
export type OutputParameters = { readonly type: IntegerType; readonly scale: number; readonly zeroPoint: number };

/** @throws MODEL_INVALID when it is missing or of none of the types. */
export function inputAt<T extends ElementType>(inputs: Inputs, node: Node, at: number, types: readonly T[]): Tensor<T> {
  const tensor = inputs[at];
  if (tensor && (types as readonly ElementType[]).includes(tensor.type)) return tensor as Tensor<T>;
  throw kernelError(node, `input ${at}: expected ${types.join(' or ')}, got ${tensor?.type ?? 'nothing'}`);
}

/** A tensor of any type. */
export function anyInputAt(inputs: Inputs, node: Node, at: number): Tensor {
  const tensor = inputs[at];
  if (tensor) return tensor;
  throw kernelError(node, `input ${at}: expected a tensor, got nothing`);
}

export function integersAt(inputs: Inputs, node: Node, at: number): Tensor<IntegerType> {
  return inputAt(inputs, node, at, Object.keys(integerRanges) as IntegerType[]);
}

export function scalesAt(inputs: Inputs, node: Node, at: number): Float32Values {
  return inputAt(inputs, node, at, ['float32']).data;
}

/** Zero points; a single 0 when the input is left out. */
export function zeroPointsAt(inputs: Inputs, node: Node, at: number): Int32Array<ArrayBuffer> {
  return inputs[at] ? Int32Array.from(integersAt(inputs, node, at).data) : new Int32Array(1);
}

/** The two operands of ConvInteger and MatMulInteger: both tensors, then both zero points. */
export function integerOperands(inputs: Inputs, node: Node): readonly [Operand, Operand] {
  const operand = (at: number) => ({
    tensor: integersAt(inputs, node, at),
    zeroPoint: zeroPointsAt(inputs, node, at + 2),
  });
  return [operand(0), operand(1)];
}

/** Three neighbouring inputs: values, scale, zero point. A lone scale or zero point beside several is repeated. */
export function quantizedAt(inputs: Inputs, node: Node, at: number, granularity: Granularity = {}): QuantizedTensor {
  return quantizedFrom(inputs, node, { values: at, scale: at + 1, zeroPoint: at + 2 }, granularity);
}

/** The same from inputs that stand apart. An axis counts only when there is more than one parameter. */
export function quantizedFrom(
  inputs: Inputs,
  node: Node,
  at: { readonly values: number; readonly scale: number; readonly zeroPoint: number },
  granularity: Granularity = {},
): QuantizedTensor {
  const scale = scalesAt(inputs, node, at.scale);
  const zeroPoint = zeroPointsAt(inputs, node, at.zeroPoint);
  const count = Math.max(scale.length, zeroPoint.length);
  return {
    ...(count === 1 ? {} : granularity),
    tensor: integersAt(inputs, node, at.values),
    scale: repeated(scale, count),
    zeroPoint: repeated(zeroPoint, count),
  };
}

/** The result's scale and zero point; its type is the zero point's, or `fallback` without one. */
export function outputAt(
  inputs: Inputs,
  node: Node,
  at: { readonly scale: number; readonly zeroPoint: number },
  fallback: IntegerType,
): OutputParameters {
  const type = inputs[at.zeroPoint] ? integersAt(inputs, node, at.zeroPoint).type : fallback;
  return { type, scale: scalesAt(inputs, node, at.scale)[0]!, zeroPoint: zeroPointsAt(inputs, node, at.zeroPoint)[0]! };
}

/** `axis` counted from 0; ONNX counts negative ones from the end. */
export function axisFrom(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

export function kernelError(node: Node, message: string): OctetError {
  return new OctetError('MODEL_INVALID', `node "${node.name}" (${node.opType}): ${message}`);
}

export function unsupportedError(node: Node, message: string): OctetError {
  return new OctetError('MODEL_UNSUPPORTED', `node "${node.name}" (${node.opType}): ${message}`);
}

function repeated<V extends Float32Values | Int32Array<ArrayBuffer>>(values: V, count: number): V {
  if (values.length === count) return values;
  const all = new (values.constructor as new (length: number) => V)(count);
  all.fill(values[0]!);
  return all;
}
