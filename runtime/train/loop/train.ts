/** The loop: batches through a step's session, two sets of buffers in turn, progress, checkpoints, and a stop when it goes wrong. */
import type { Clock } from '../../base/clock.ts';
import { OctetError } from '../../base/errors.ts';
import { openModel } from '../../engine/open-model.ts';
import type { Session } from '../../engine/session.ts';
import type { Feeds, Tensor } from '../../graph/tensor.ts';
import type { TrainStep } from '../step/build-step.ts';
import { rateAt, type Schedule } from '../step/schedule.ts';
import { withWeights } from '../with-weights.ts';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { findPoison } from './find-poison.ts';

export type Progress = {
  /** Steps done, of `steps`. */
  readonly step: number;
  readonly steps: number;
  /** Of the last steps, averaged. */
  readonly loss: number;
  readonly secondsLeft: number;
};

export type TrainOptions = {
  readonly steps: number;
  readonly schedule: Schedule;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly clock: Clock;
  readonly onProgress?: (progress: Progress) => void;
  readonly checkpoint?: CheckpointOptions;
};

export type CheckpointOptions = {
  readonly path: string;
  /** What is trained how, in a word that differs when anything does. */
  readonly training: string;
  /** Default 200. */
  readonly everySteps?: number;
};

export type Trained = {
  /** Float32 weights by the name of their initializer. */
  readonly weights: ReadonlyMap<string, Tensor<'float32'>>;
  /** Averaged over the first and the last steps. */
  readonly firstLoss: number;
  readonly lastLoss: number;
};

type State = ReadonlyMap<string, Tensor<'float32'>>;

/** Steps over which the loss that is told is averaged. */
const averagedSteps = 20;
const defaultEverySteps = 200;

/**
 * @param batch data and targets of a step, counted from 0: a function of nothing else, so that resuming repeats it.
 * @throws TRAINING_DIVERGED naming the tensor, CHECKPOINT_INVALID, DISK_FULL; the signal's reason, after writing a checkpoint.
 */
export async function train(
  step: TrainStep,
  batch: (step: number) => Promise<Feeds>,
  options: TrainOptions,
): Promise<Trained> {
  const { steps, schedule, threads = 1, checkpoint, signal, clock, onProgress } = options;
  const resumed = await resume(step, checkpoint);
  let current: State = resumed?.tensors ?? stateOf(step, ({ initial }) => initial.data.slice());
  let other: State = stateOf(step, ({ initial }) => new Float32Array(initial.data.length));
  const session = await openStep(step, threads);
  const first = resumed?.step ?? 0;
  const losses: number[] = [];
  const startMs = clock.monotonicMs();
  const save = async (done: number) => {
    if (checkpoint)
      await writeCheckpoint(checkpoint.path, { step: done, training: checkpoint.training, tensors: current });
  };
  try {
    for (let done = first; done < steps; done++) {
      if (signal?.aborted) await save(done);
      signal?.throwIfAborted();
      const feeds = await batch(done);
      const loss = await runStep(
        session,
        step,
        { ...feeds, ...step.scalars(done + 1, rateAt(schedule, done, steps)) },
        current,
        other,
      );
      if (!Number.isFinite(loss)) throw await diverged(step, feeds, current, done, checkpoint);
      [current, other] = [other, current];
      losses.push(loss);
      const perStepMs = (clock.monotonicMs() - startMs) / (done + 1 - first);
      const secondsLeft = ((steps - done - 1) * perStepMs) / 1000;
      onProgress?.({ step: done + 1, steps, loss: mean(losses.slice(-averagedSteps)), secondsLeft });
      if (checkpoint && (done + 1) % (checkpoint.everySteps ?? defaultEverySteps) === 0) await save(done + 1);
    }
    await save(steps);
  } finally {
    await session.close();
  }
  const weights = new Map(step.weights.map((name) => [name, current.get(name)!]));
  return { weights, firstLoss: mean(losses.slice(0, averagedSteps)), lastLoss: mean(losses.slice(-averagedSteps)) };
}

/** Q/DQ pairs must round, not fuse. Weights change at every step, so nothing is laid out for them beforehand. */
function openStep({ model }: TrainStep, threads: number): Promise<Session> {
  return openModel(model, {
    threads,
    arena: false,
    memoryPattern: false,
    config: { 'session.disable_quant_qdq': '1' },
  });
}

async function runStep(
  session: Session,
  { state, loss, gradientNorm }: TrainStep,
  feeds: Feeds,
  from: State,
  to: State,
): Promise<number> {
  const into = Object.fromEntries(state.map(({ name, next }) => [next, to.get(name)!]));
  const outputs = [loss, gradientNorm, ...Object.keys(into)];
  const results = await session.run({ ...feeds, ...Object.fromEntries(from) }, outputs, into);
  return Number(results[loss]!.data[0]);
}

function stateOf(step: TrainStep, data: (tensor: TrainStep['state'][number]) => Float32Array<ArrayBuffer>): State {
  return new Map(
    step.state.map((each) => [each.name, { type: 'float32', dims: each.initial.dims, data: data(each) } as const]),
  );
}

/** Where a checkpoint lies, training goes on from there. */
async function resume(step: TrainStep, options: CheckpointOptions | undefined): Promise<Checkpoint | undefined> {
  if (!options) return undefined;
  const found = await readCheckpoint(options.path).catch((error) => {
    if (error instanceof OctetError && error.code === 'FILE_NOT_FOUND') return undefined;
    throw error;
  });
  if (!found) return undefined;
  const fits = step.state.every(({ name, initial }) => String(found.tensors.get(name)?.dims) === String(initial.dims));
  if (found.training === options.training && fits) return found;
  throw new OctetError(
    'CHECKPOINT_INVALID',
    `${options.path}: expected a checkpoint of this training, got one of another (other model, data or settings)`,
    { hint: `Name another file, or begin again: rm ${options.path}` },
  );
}

async function diverged(
  { forward, weights }: TrainStep,
  feeds: Feeds,
  state: State,
  step: number,
  checkpoint: CheckpointOptions | undefined,
): Promise<OctetError> {
  const own = new Map(weights.map((name) => [name, state.get(name)!]));
  const poison = await findPoison(withWeights(forward, own), feeds, own);
  const where = poison ?? 'the gradient (every value before the loss is finite)';
  const kept = checkpoint ? `; ${checkpoint.path} keeps the last good state` : '';
  return new OctetError(
    'TRAINING_DIVERGED',
    `step ${step + 1}: expected a finite loss, got NaN or infinity in ${where}${kept}`,
    {
      hint: 'Use a lower learning rate, or clip gradients; if it is the data, repair the sample.',
    },
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}
