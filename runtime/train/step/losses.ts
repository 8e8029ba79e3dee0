/** What is minimised: terms over values of the graph, each against a target that is fed with every batch. */
import { intAttribute } from '../../graph/attributes.ts';
import type { Graph } from '../../graph/model.ts';
import { elementCount } from '../../graph/tensor.ts';
import type { Writer } from '../writer.ts';

export type LossTerm = {
  readonly kind: keyof typeof kinds;
  /** The value of the graph: logits [batch, …, classes] for `kl` and `cross-entropy`, anything for `mse`. */
  readonly value: string;
  /** Default 1. */
  readonly weight?: number;
  /** `kl`: both sides' logits are divided by it. Default 1. */
  readonly temperature?: number;
};

/** The input that carries a term's target, of the value's shape: logits of the teacher, shares of classes, or values. */
export function targetOf({ kind, value }: LossTerm): string {
  return `${value}/${kind}/target`;
}

type Form = (write: Writer, term: LossTerm, target: string, dims: readonly number[]) => string;

const kinds = {
  /** Σ p·(ln p − ln q) for each row, p of the teacher and q of the model, times T² so that its gradient does not shrink. */
  kl(write, { value, temperature = 1 }, target, dims) {
    const soft = (name: string) => write.op('LogSoftmax', [write.scale(name, 1 / temperature)]);
    const teacher = soft(target);
    const surplus = write.op('Sub', [teacher, soft(value)]);
    const total = sumOfAll(write, write.op('Mul', [write.op('Exp', [teacher]), surplus]), dims);
    return write.scale(total, temperature ** 2 / rowsOf(dims));
  },
  /** −Σ p·ln q for each row; a row of zeros (a sample without a label) adds nothing. */
  'cross-entropy'(write, { value }, target, dims) {
    const likelihoods = write.op('Mul', [target, write.op('LogSoftmax', [value])]);
    return write.scale(sumOfAll(write, likelihoods, dims), -1 / rowsOf(dims));
  },
  /** Mean over all elements of (value − target)². */
  mse(write, { value }, target, dims) {
    const error = write.op('Sub', [value, target]);
    return write.scale(sumOfAll(write, write.op('Mul', [error, error]), dims), 1 / elementCount(dims));
  },
} as const satisfies Record<string, Form>;

/** Writes Σ weight·term. @returns its name. */
export function writeLoss(
  write: Writer,
  terms: readonly LossTerm[],
  shape: (name: string) => readonly number[],
): string {
  const parts = terms.map((term) => {
    const form: Form = kinds[term.kind];
    return write.scale(form(write, term, targetOf(term), shape(term.value)), term.weight ?? 1);
  });
  return parts.reduce((a, b) => write.op('Add', [a, b]));
}

/**
 * The logits behind a model's output: what the Softmax at its end reads, so that the loss does not take the logarithm of a rounded
 * probability; the output itself where there is none.
 */
export function logitsOf({ nodes }: Graph, output: string): string {
  const last = nodes.find(({ outputs }) => outputs[0] === output);
  const isSoftmax = last?.opType === 'Softmax' && [-1, 1].includes(intAttribute(last, 'axis', -1));
  return isSoftmax ? last.inputs[0]! : output;
}

function rowsOf(dims: readonly number[]): number {
  return elementCount(dims.slice(0, -1));
}

function sumOfAll(write: Writer, value: string, dims: readonly number[]): string {
  return write.sum(
    value,
    dims.map((_, axis) => axis),
    false,
  );
}
