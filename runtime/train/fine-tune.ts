/**
 * Fine-tuning: a model's weights moved so that its outputs follow a teacher's on samples without labels, or labels where there are
 * some. What is made smaller or coarser (pruned, quantised) is repaired this way; the teacher is what it was before.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { OctetError } from '../base/errors.ts';
import type { Samples } from '../data/samples.ts';
import { openModel } from '../engine/open-model.ts';
import type { Session } from '../engine/session.ts';
import { valueInfo } from '../graph/build.ts';
import type { Model } from '../graph/model.ts';
import { removeUnusedIn } from '../graph/remove-unused.ts';
import type { Feeds, Tensor } from '../graph/tensor.ts';
import { batchesOf } from './loop/batches.ts';
import { type CheckpointOptions, type Progress, type Trained, train } from './loop/train.ts';
import { buildStep, type StepChoice } from './step/build-step.ts';
import { type LossTerm, logitsOf, targetOf } from './step/losses.ts';
import type { Optimizer } from './step/optimizers.ts';
import { findParameters, type Parameter } from './step/parameters.ts';
import type { Schedule } from './step/schedule.ts';

export type FineTuneOptions = {
  readonly steps: number;
  /** Samples a step. Default 64. */
  readonly batchSize?: number;
  /** Default AdamW. */
  readonly optimizer?: Optimizer;
  /** Peak learning rate. Default 1e-3. */
  readonly learningRate?: number;
  /** Default cosine. */
  readonly schedule?: Schedule['shape'];
  readonly warmup?: number;
  readonly clipNorm?: number;
  /** What the first output is: `classify` follows the teacher's probabilities (and labels), `regress` its values. */
  readonly task: 'classify' | 'regress';
  /** Follows the teacher's outputs; without one, the labels alone (then the samples must have them). */
  readonly teacher?: Model;
  /** Share of the loss that the labels get where there are a teacher and labels. Default 0. */
  readonly labelShare?: number;
  readonly temperature?: number;
  /** Further values that both models have, by name, whose mean squared difference counts times the weight. */
  readonly features?: ReadonlyMap<string, number>;
  /** Default: all that `findParameters` finds. */
  readonly parameters?: readonly Parameter[];
  /** By weight: 1 where it may differ from zero, 0 where it stays zero. */
  readonly masks?: ReadonlyMap<string, Tensor<'float32'>>;
  readonly running?: StepChoice['running'];
  readonly seed?: number;
  readonly threads?: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly checkpoint?: CheckpointOptions;
};

/**
 * @param student prepared (quantize/prepare). @returns its new weights; put them in with `withWeights`.
 * @throws MODEL_UNSUPPORTED, DATA_INVALID, DATA_MISMATCH (labels that do not fit), TRAINING_DIVERGED; the signal's reason. Opens
 * sessions: a long-lived process leaves it to a child.
 */
export async function fineTune(student: Model, samples: Samples, options: FineTuneOptions): Promise<Trained> {
  const {
    batchSize = 64,
    seed = 1,
    steps,
    learningRate = 1e-3,
    schedule = 'cosine',
    warmup = 0,
    clock = systemClock,
  } = options;
  const batches = batchesOf(samples, batchSize, seed);
  const terms = termsFor(student, samples, options);
  const targets = await openTargets(student, samples, terms, options);
  try {
    const batch = async (index: number) => {
      const feeds = await batches.feeds(index);
      return { ...feeds, ...(await targets.of(feeds, batches.indices(index))) };
    };
    const step = await buildStep(student, await batches.feeds(0), choiceFrom(student, terms, options));
    const { threads, signal, onProgress, checkpoint } = options;
    return await train(step, batch, {
      steps,
      schedule: { peak: learningRate, shape: schedule, warmup },
      clock,
      ...(threads === undefined ? {} : { threads }),
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
      ...(checkpoint ? { checkpoint } : {}),
    });
  } finally {
    await targets.close();
  }
}

function choiceFrom(student: Model, terms: readonly LossTerm[], options: FineTuneOptions): StepChoice {
  const { optimizer = { kind: 'adamw' }, clipNorm, masks, running } = options;
  const parameters = (options.parameters ?? findParameters(student.graph)).map((parameter) => {
    const mask = masks?.get(parameter.name);
    return mask ? { ...parameter, mask } : parameter;
  });
  return {
    parameters,
    terms,
    optimizer,
    ...(clipNorm === undefined ? {} : { clipNorm }),
    ...(running ? { running } : {}),
  };
}

function termsFor({ graph }: Model, samples: Samples, options: FineTuneOptions): readonly LossTerm[] {
  const { task, teacher, labelShare = 0, temperature = 1, features = new Map() } = options;
  const output = graph.outputs[0]!.name;
  if (task === 'regress' && !teacher) throw nothingToFollow('a teacher for a model that gives values');
  if (!teacher && !samples.labels) throw nothingToFollow('labels, or a teacher');
  const share = teacher ? (samples.labels ? labelShare : 0) : 1;
  const value = task === 'classify' ? logitsOf(graph, output) : output;
  const following: LossTerm =
    task === 'classify' ? { kind: 'kl', value, temperature, weight: 1 - share } : { kind: 'mse', value };
  return [
    ...(teacher ? [following] : []),
    ...(task === 'classify' && share > 0 ? [{ kind: 'cross-entropy', value, weight: share } as const] : []),
    ...[...features].map(([name, weight]) => ({ kind: 'mse', value: name, weight }) as const),
  ];
}

function nothingToFollow(wanted: string): OctetError {
  return new OctetError('DATA_INVALID', `training: expected ${wanted}, got none`, {
    hint: 'Give the data an array y of class indices, or train towards the float model.',
  });
}

type Targets = {
  of(feeds: Feeds, indices: readonly number[]): Promise<Feeds>;
  close(): Promise<void>;
};

/** The teacher runs on each batch, in the runtime's fastest form: a twentieth of a step, and nothing to keep. */
async function openTargets(
  student: Model,
  samples: Samples,
  terms: readonly LossTerm[],
  { teacher, threads = 1 }: FineTuneOptions,
): Promise<Targets> {
  const followed = terms.filter(({ kind }) => kind !== 'cross-entropy');
  const labelled = terms.find(({ kind }) => kind === 'cross-entropy');
  const session = teacher && followed.length > 0 ? await openTeacher(student, teacher, followed, threads) : undefined;
  const classes = labelled ? await countClasses(student, samples, labelled.value) : 0;
  return {
    async of(feeds, indices) {
      const targets: Record<string, Tensor> = session ? await session.run(feeds) : {};
      if (labelled) targets[targetOf(labelled)] = oneHot(samples.labels!, indices, classes);
      return targets;
    },
    close: async () => session?.close(),
  };
}

/** The teacher with the targets' names as its outputs. */
async function openTeacher(
  student: Model,
  teacher: Model,
  terms: readonly LossTerm[],
  threads: number,
): Promise<{ run(feeds: Feeds): Promise<Record<string, Tensor>>; close(): Promise<void> }> {
  const ownName = (value: string) => {
    const output = student.graph.outputs[0]!.name;
    return value === logitsOf(student.graph, output) && value !== output
      ? logitsOf(teacher.graph, teacher.graph.outputs[0]!.name)
      : value === output
        ? teacher.graph.outputs[0]!.name
        : value;
  };
  const named = terms.map((term) => ({ target: targetOf(term), name: ownName(term.value) }));
  const outputs = [...new Set(named.map(({ name }) => name))].map((name) => valueInfo(name, 'float32'));
  const graph = removeUnusedIn({ ...teacher.graph, outputs });
  const session: Session = await openModel({ ...teacher, graph }, { threads });
  return {
    async run(feeds) {
      const values = await session.run(feeds);
      return Object.fromEntries(named.map(({ target, name }) => [target, values[name]!]));
    },
    close: () => session.close(),
  };
}

async function countClasses(student: Model, samples: Samples, logits: string): Promise<number> {
  const { graph } = student;
  const session = await openModel({ ...student, graph: { ...graph, outputs: [valueInfo(logits, 'float32')] } });
  try {
    const { [logits]: value } = await session.run(await samples.feeds(0));
    const classes = value!.dims.at(-1) ?? 0;
    const wrong = samples.labels!.findIndex((label) => label < -1 || label >= classes);
    if (wrong < 0) return classes;
    throw new OctetError(
      'DATA_MISMATCH',
      `y[${wrong}]: expected a class index from 0 to ${classes - 1} (or -1 for none), got ${samples.labels![wrong]}`,
      { hint: `The model tells ${classes} classes apart; leave y out to follow the teacher alone.` },
    );
  } finally {
    await session.close();
  }
}

function oneHot(labels: readonly number[], indices: readonly number[], classes: number): Tensor<'float32'> {
  const data = new Float32Array(indices.length * classes);
  for (const [row, index] of indices.entries()) {
    const label = labels[index]!;
    if (label >= 0) data[row * classes + label] = 1;
  }
  return { type: 'float32', dims: [indices.length, classes], data };
}
