/** Fine-tuning between and after the rounds of pruning: towards the model as it was, with the labels that there are. */
import type { Samples } from '../../data/samples.ts';
import type { Model } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { fineTune } from '../fine-tune.ts';
import { withWeights } from '../with-weights.ts';
import type { PruneRecipe } from './prune-recipe.ts';

export type PruneOptions = {
  /** Whether the first output scores classes; otherwise it is a quantity. */
  readonly classifies: boolean;
  /** @param fraction 0 to 1. */
  readonly onProgress?: (fraction: number, detail: string) => void;
  readonly signal?: AbortSignal;
};

/** One round of several. */
export type Round = {
  /** From 1. */
  readonly round: number;
  readonly rounds: number;
  readonly steps: number;
};

export type Tuned = {
  readonly model: Model;
  /** Over the first and the last steps; null when nothing was tuned. */
  readonly loss: { readonly first: number; readonly last: number } | null;
};

/** The last round gets half of the steps, those before it the other half in equal parts. */
export function roundsOf({ rounds, steps }: Pick<PruneRecipe, 'rounds' | 'steps'>): readonly Round[] {
  const each = rounds > 1 ? Math.floor(steps / 2 / (rounds - 1)) : 0;
  return Array.from({ length: rounds }, (_, index) => ({
    round: index + 1,
    rounds,
    steps: index + 1 < rounds ? each : steps - each * (rounds - 1),
  }));
}

/** @param masks by weight: 0 where it stays zero. @throws what `fineTune` throws. */
export async function tune(
  model: Model,
  teacher: Model,
  samples: Samples,
  recipe: PruneRecipe,
  { round, rounds, steps }: Round,
  options: PruneOptions,
  masks?: ReadonlyMap<string, Tensor<'float32'>>,
): Promise<Tuned> {
  if (steps === 0) return { model, loss: null };
  const { classifies, onProgress, signal } = options;
  const { batchSize, learningRate, labelShare, seed, threads } = recipe;
  const { weights, firstLoss, lastLoss } = await fineTune(model, samples, {
    ...{ steps, batchSize, learningRate, labelShare, threads, teacher, seed: seed + round },
    task: classifies ? 'classify' : 'regress',
    warmup: Math.min(20, Math.floor(steps / 10)),
    ...(masks ? { masks } : {}),
    ...(signal ? { signal } : {}),
    onProgress: ({ step, loss }) => {
      const fraction = (round - 1 + step / steps) / rounds;
      const which = rounds > 1 ? `round ${round} of ${rounds}: ` : '';
      onProgress?.(fraction, `${which}step ${step} of ${steps}, loss ${loss.toPrecision(3)}`);
    },
  });
  return { model: withWeights(model, weights), loss: { first: firstLoss, last: lastLoss } };
}
