/** A model from nothing but its form and labelled samples. */
import type { Samples } from '../../data/samples.ts';
import type { Model } from '../../graph/model.ts';
import { type FineTuneOptions, fineTune } from '../fine-tune.ts';
import { batchesOf } from '../loop/batches.ts';
import { shapesOf } from '../step/shapes-of.ts';
import { withWeights } from '../with-weights.ts';
import { useBatchStatistics } from './batch-statistics.ts';
import { initialise } from './initialise.ts';

export type TrainModelOptions = Omit<
  FineTuneOptions,
  'teacher' | 'labelShare' | 'features' | 'running' | 'steps' | 'task'
> & {
  /** Times that every sample is seen. */
  readonly epochs: number;
};

/**
 * @param form a float model whose weights are drawn anew. @returns it with trained weights and running averages.
 * @throws what `fineTune` throws. Opens sessions: a long-lived process leaves it to a child.
 */
export async function trainModel(
  form: Model,
  samples: Samples,
  { epochs, ...options }: TrainModelOptions,
): Promise<{ readonly model: Model; readonly firstLoss: number; readonly lastLoss: number }> {
  const { batchSize = 64, seed = 1 } = options;
  const drawn = initialise(form, seed);
  const batches = batchesOf(samples, batchSize, seed);
  const shapes = await shapesOf(drawn, await batches.feeds(0));
  const { graph, running } = useBatchStatistics(drawn.graph, (name) => shapes.get(name)!);
  const steps = Math.max(Math.round(epochs * batches.stepsPerEpoch), 1);
  const student = { ...drawn, graph };
  const { weights, firstLoss, lastLoss } = await fineTune(student, samples, {
    ...options,
    steps,
    task: 'classify',
    running,
  });
  return { model: withWeights(drawn, weights), firstLoss, lastLoss };
}
