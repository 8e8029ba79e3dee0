/** What `octet prune` does: a model file → a pruned one with its recipe beside it, then both measured against each other. */
import { openSamples } from '../runtime/data/open-samples.ts';
import { type Samples, splitHeldOut } from '../runtime/data/samples.ts';
import type { AccuracyJudgement } from '../runtime/measure/accuracy.ts';
import { openGate, taskOf } from '../runtime/quantize/auto/gate.ts';
import { modelInputs, prepareModel } from '../runtime/quantize/prepare/prepare.ts';
import { measureLatency, type PairLatency } from '../runtime/quantize/report/latency.ts';
import { type PrunedModel, pruneModel } from '../runtime/train/prune/prune-model.ts';
import type { PruneRecipe } from '../runtime/train/prune/prune-recipe.ts';
import { type PruneRecord, refuseOverwriting, writePruned } from '../runtime/train/prune/pruned-files.ts';
import { type ModelArgument, readModelArgument } from './model-argument.ts';

export type PruneResult = Omit<PrunedModel, 'bytes'> & {
  readonly record: PruneRecord;
  readonly output: string;
  readonly recipePath: string;
  readonly latency: PairLatency;
  /** Null when there was nothing to judge by. */
  readonly accuracy: AccuracyJudgement | null;
};

export type Running = {
  readonly onProgress: (fraction: number, detail: string) => void;
  readonly signal: AbortSignal;
};

type Job = {
  readonly argument: ModelArgument;
  readonly recipe: PruneRecipe;
  readonly calibration: Samples;
  readonly heldOut: Samples;
  readonly output: string;
};

/** Of the loss or change that is tolerated: only to word the judgement, which the user reads and no one acts on. */
const budget = { maxDrop: 0.01, maxDisagreement: 0.02 };

/** @throws what reading and pruning throw, and the signal's reason; then neither file is written. */
export async function pruneFile(
  path: string,
  recipe: PruneRecipe,
  { data, output }: { readonly data: readonly string[]; readonly output: string },
  running: Running,
): Promise<PruneResult> {
  const argument = await readModelArgument(path);
  refuseOverwriting(argument.modelPath, output);
  const prepared = await prepareModel(argument.modelPath);
  const samples = await openSamples(data, { ...argument, inputs: modelInputs(prepared) });
  const job: Job = { ...{ argument, recipe, output }, ...splitHeldOut(samples) };
  const task = argument.task ?? (await taskOf(argument.modelPath, samples));
  const classifies = (task?.kind ?? 'classify') === 'classify';
  const { bytes, ...pruned } = await pruneModel(prepared, job.calibration, recipe, { classifies, ...running });
  // From here on nothing is interrupted, so that both files are written or none.
  running.signal.throwIfAborted();
  const written = { modelPath: argument.modelPath, output, recipe, samples: job.calibration, bytes };
  const { recipePath, record } = await writePruned(written);
  running.onProgress(0.99, 'measuring');
  return { ...pruned, output, recipePath, record, ...(await measured(job, bytes)) };
}

async function measured({ argument, heldOut, output }: Job, bytes: Uint8Array) {
  const latency = await measureLatency(argument.modelPath, output, heldOut);
  const callUs = latency.ok ? latency.float.p50Us : 1000;
  const { modelPath, task } = argument;
  const gate = await openGate(modelPath, { heldOut, task, budget: argument.budget ?? budget, callUs });
  return { latency, accuracy: await gate.judge(bytes) };
}
