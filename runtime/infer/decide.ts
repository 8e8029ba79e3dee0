/** From the model's output to a decision: one row per task. */
import { OctetError } from '../base/errors.ts';
import type { Task } from '../data/pipeline.ts';
import type { Tensor } from '../graph/tensor.ts';

export type Outcome = {
  readonly label: string;
  /** Probability of the label (classify), the value (regress), relative RMSE to the input (reconstruct). */
  readonly score: number;
};

/**
 * @param output the model's first output; `input` its first input.
 * @returns undefined when what came out are not numbers to decide by (NaN, infinity): nothing may act on them.
 */
export type Decide = (output: Tensor, input: Tensor) => Outcome | undefined;

/** The same before it was asked whether the numbers are any. */
type Judge = (output: Tensor, input: Tensor) => Outcome;

type Deciders = { readonly [K in Task['kind']]: (task: Extract<Task, { kind: K }>) => Judge };

const deciders: Deciders = {
  classify:
    ({ labels }) =>
    (output) =>
      classify(output, labels),
  regress: () => (output) => ({ label: 'value', score: Number(output.data[0]) }),
  reconstruct: () => (output, input) => ({ label: 'error', score: relativeRmse(output, input) }),
};

/** @throws (when deciding) DATA_MISMATCH when the output has not one number per label. */
export function deciderOf(task: Task): Decide {
  const decide = (deciders[task.kind] as (task: Task) => Judge)(task);
  return (output, input) => {
    const outcome = decide(output, input);
    return Number.isFinite(outcome.score) && holdsOnlyNumbers(output) ? outcome : undefined;
  };
}

function holdsOnlyNumbers({ data }: Tensor): boolean {
  for (let index = 0; index < data.length; index++) if (!Number.isFinite(Number(data[index]))) return false;
  return true;
}

function classify({ data, dims }: Tensor, labels: readonly string[]): Outcome {
  if (data.length !== labels.length)
    throw new OctetError(
      'DATA_MISMATCH',
      `task: expected an output of ${labels.length} numbers (one per label), got [${dims.join(', ')}]`,
      { hint: "Make task.labels in the model's manifest fit its output." },
    );
  let best = 0;
  for (let index = 1; index < data.length; index++) if ((data[index] as number) > (data[best] as number)) best = index;
  return { label: labels[best] as string, score: probability(data, best) };
}

/** Softmax of the largest entry; an output that already is a distribution is taken as it is. */
function probability(data: Tensor['data'], best: number): number {
  const top = Number(data[best]);
  let sum = 0;
  let exponentials = 0;
  let isDistribution = true;
  for (let index = 0; index < data.length; index++) {
    const value = Number(data[index]);
    sum += value;
    exponentials += Math.exp(value - top);
    isDistribution &&= value >= 0;
  }
  return isDistribution && Math.abs(sum - 1) < 1e-3 ? top : 1 / exponentials;
}

/** Root of the squared error over root of the squared input. */
function relativeRmse(output: Tensor, input: Tensor): number {
  let error = 0;
  let energy = 0;
  for (let index = 0; index < output.data.length; index++) {
    const expected = Number(input.data[index]);
    error += (Number(output.data[index]) - expected) ** 2;
    energy += expected ** 2;
  }
  return Math.sqrt(error / Math.max(energy, Number.MIN_VALUE));
}
