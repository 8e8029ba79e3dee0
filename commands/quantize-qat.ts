/** `octet quantize --recipe qat`: training with rounding simulated, and what it says about itself. */
import { systemClock } from '../runtime/base/clock.ts';
import type { Task } from '../runtime/data/pipeline.ts';
import type { Samples } from '../runtime/data/samples.ts';
import type { Model } from '../runtime/graph/model.ts';
import type { QatRecipe } from '../runtime/quantize/recipe.ts';
import type { Quantized } from '../runtime/quantize/verify/settle.ts';
import { trainQuantised } from '../runtime/train/qat/train-quantised.ts';
import { logitsOf } from '../runtime/train/step/losses.ts';

export type TrainingReport = {
  readonly task: 'classify' | 'regress';
  readonly steps: number;
  readonly seconds: number;
  /** Mean of the first and of the last steps towards the float model; null when there were none. */
  readonly losses: { readonly first: number; readonly last: number } | null;
};

type Running = {
  readonly onProgress: (fraction: number, detail: string) => void;
  readonly signal: AbortSignal;
};

/** @returns the recipe with the task that was found, so that repeating needs not find it. @throws what `trainQuantised` throws. */
export async function trainOn(
  model: Model,
  samples: Samples,
  wanted: QatRecipe,
  task: Task | undefined,
  running: Running,
): Promise<{ recipe: QatRecipe; quantized: Quantized; training: TrainingReport }> {
  const recipe = { ...wanted, task: wanted.task ?? findTask(model, samples, task) };
  const startMs = systemClock.monotonicMs();
  const { quantized, losses } = await trainQuantised(model, samples, recipe, { task: recipe.task, ...running });
  const seconds = (systemClock.monotonicMs() - startMs) / 1000;
  const steps = recipe.steps + recipe.reconstructionSteps;
  return { recipe, quantized, training: { task: recipe.task, steps, seconds, losses: losses ?? null } };
}

/** What exporters call the output of a classifier. */
const classifierOutput = /logit|prob|class|softmax/i;

/** The recipe or a manifest says it; else labels do, a Softmax at the model's end, or the output's name. */
function findTask({ graph }: Model, samples: Samples, task: Task | undefined): 'classify' | 'regress' {
  if (task) return task.kind === 'classify' ? 'classify' : 'regress';
  const output = graph.outputs[0]!.name;
  const isNamed = classifierOutput.test(output);
  return samples.labels || isNamed || logitsOf(graph, output) !== output ? 'classify' : 'regress';
}
