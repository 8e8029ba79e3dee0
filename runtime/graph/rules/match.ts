/** Steps that patterns of several nodes are made of: go upstream by one node of a given operator, read a lone number. */
import type { Node } from '../model.ts';
import type { RewriteContext } from '../rewrite.ts';
import type { Tensor } from '../tensor.ts';

/** The node of ONNX's operator `opType` that computes `value`. */
export function producedBy(value: string | undefined, opType: string, { links }: RewriteContext): Node | undefined {
  const node = value ? links.producers.get(value) : undefined;
  return node?.opType === opType && node.domain === '' ? node : undefined;
}

/** Likewise, only if nothing else uses the value, so that it may go. */
export function soleProducer(value: string | undefined, opType: string, context: RewriteContext): Node | undefined {
  return value && isUsedOnce(value, context) ? producedBy(value, opType, context) : undefined;
}

export function isUsedOnce(value: string, { links }: RewriteContext): boolean {
  return links.consumers.get(value)?.length === 1 && !links.outputs.has(value);
}

/** A constant of one float32. */
export function scalarOf(value: string | undefined, context: RewriteContext): number | undefined {
  const tensor = floatsOf(value, context);
  return tensor?.data.length === 1 ? tensor.data[0] : undefined;
}

export function floatsOf(value: string | undefined, { constant }: RewriteContext): Tensor<'float32'> | undefined {
  const tensor = value ? constant(value) : undefined;
  return tensor?.type === 'float32' ? (tensor as Tensor<'float32'>) : undefined;
}

/** Constant integers, from an attribute's later form as an input. */
export function integersOf(value: string | undefined, { constant }: RewriteContext): readonly number[] | undefined {
  const tensor = value ? constant(value) : undefined;
  return tensor && Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** The two inputs in both orders, for operators that commute. */
export function bothOrders({ inputs: [a = '', b = ''] }: Node): readonly (readonly [string, string])[] {
  return [
    [a, b],
    [b, a],
  ];
}
