/** Optimisers as a table: how one parameter moves along its gradient, written into the graph of a step. */
import type { Writer } from '../writer.ts';

export type Optimizer =
  /** v ← μ·v + g + λ·w; w ← w − η·v */
  | { readonly kind: 'sgd'; readonly momentum?: number; readonly weightDecay?: number }
  /** Adam with decay apart from the gradient. Source: Loshchilov and Hutter 2019, algorithm 2. */
  | {
      readonly kind: 'adamw';
      readonly beta1?: number;
      readonly beta2?: number;
      readonly epsilon?: number;
      readonly weightDecay?: number;
    };

export type Update = {
  readonly weight: string;
  readonly gradient: string;
  /** Tensors of the parameter's shape that the optimiser keeps from step to step. */
  readonly slots: readonly string[];
  /** Scalar: the step's learning rate for this parameter. */
  readonly rate: string;
  /** Scalars by the names that `scalars` gives. */
  readonly scalar: (name: string) => string;
  readonly decays: boolean;
};

export type OptimizerForm = {
  readonly slots: readonly string[];
  /** What is fed besides the learning rate. @param step from 1. */
  scalars(step: number): Readonly<Record<string, number>>;
  /** @returns the new weight and the new slots. */
  write(write: Writer, update: Update): { readonly weight: string; readonly slots: readonly string[] };
};

export function optimizerForm(optimizer: Optimizer): OptimizerForm {
  return optimizer.kind === 'sgd' ? sgd(optimizer) : adamW(optimizer);
}

function sgd({ momentum = 0.9, weightDecay = 0 }: Extract<Optimizer, { kind: 'sgd' }>): OptimizerForm {
  return {
    slots: ['velocity'],
    scalars: () => ({}),
    write(write, { weight, gradient, slots: [velocity], rate, decays }) {
      const pulled =
        decays && weightDecay > 0 ? write.op('Add', [gradient, write.scale(weight, weightDecay)]) : gradient;
      const next = write.op('Add', [write.scale(velocity!, momentum), pulled]);
      return { weight: write.op('Sub', [weight, write.op('Mul', [next, rate])]), slots: [next] };
    },
  };
}

function adamW(optimizer: Extract<Optimizer, { kind: 'adamw' }>): OptimizerForm {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = optimizer;
  return {
    slots: ['mean', 'square'],
    // The first steps' averages start from zero; these undo that.
    scalars: (step) => ({ unbiasMean: 1 / (1 - beta1 ** step), unbiasSquare: 1 / (1 - beta2 ** step) }),
    write(write, { weight, gradient, slots: [mean, square], rate, scalar, decays }) {
      const blend = (old: string, added: string, beta: number) =>
        write.op('Add', [write.scale(old, beta), write.scale(added, 1 - beta)]);
      const nextMean = blend(mean!, gradient, beta1);
      const nextSquare = blend(square!, write.op('Mul', [gradient, gradient]), beta2);
      const size = write.op('Sqrt', [write.op('Mul', [nextSquare, scalar('unbiasSquare')])]);
      const direction = write.op('Div', [
        write.op('Mul', [nextMean, scalar('unbiasMean')]),
        write.op('Add', [size, write.float(epsilon)]),
      ]);
      const pulled =
        decays && weightDecay > 0 ? write.op('Add', [direction, write.scale(weight, weightDecay)]) : direction;
      return { weight: write.op('Sub', [weight, write.op('Mul', [pulled, rate])]), slots: [nextMean, nextSquare] };
    },
  };
}
