/**
 * Lets two models decide on a sampled share of the live windows, without consequences, and counts how often they differ. One
 * of them is usually the one that runs anyway: its decision is taken over. The other one runs after the decision has gone
 * out, so a window that is sampled is decided as fast as any.
 */
import { type Pipeline, sampleWidth } from '../data/pipeline.ts';
import { createWindower } from '../data/window.ts';
import type { Outcome } from './decide.ts';
import { type Infer, openInference } from './inference.ts';
import type { RunnerEvent, RunnerStart, ShadowSpec } from './messages.ts';
import type { SampleBlock } from './sources/source.ts';

export type Shadow = {
  /** A window that the active model has decided; valid until it resolves. */
  decided(window: Float32Array, outcome: Outcome | undefined): Promise<void>;
  /** Samples as they come, for a model whose windows are others than the active one's. */
  push(block: SampleBlock): Promise<void>;
  readonly tally: ShadowTally;
};

export type ShadowTally = Omit<Extract<RunnerEvent, { kind: 'shadow' }>, 'kind'>;

/** Numbers (a regression, a reconstruction error) agree when they differ by less than this share of their usual size. */
const tolerance = 0.05;

/** @throws what opening a model throws. @param random 0 to 1. */
export async function openShadow(
  spec: ShadowSpec,
  start: RunnerStart,
  active: Infer,
  random: () => number,
): Promise<Shadow> {
  const { featuresPath, pipeline, task } = spec.model ?? start;
  const isOwn = spec.model !== undefined;
  const open = (modelPath: string) =>
    openInference({ modelPath, pipeline, task, threads: 1, ...(featuresPath === undefined ? {} : { featuresPath }) });
  const infers = async (path: string): Promise<Infer> => (!isOwn && path === start.modelPath ? active : open(path));
  const [subject, reference] = [await infers(spec.subjectPath), await infers(spec.referencePath)];
  return createShadow({ spec, subject, reference, active, random, task: task.kind, ...(isOwn ? { pipeline } : {}) });
}

export type ShadowParts = {
  readonly spec: Pick<ShadowSpec, 'id' | 'share'>;
  readonly subject: Infer;
  readonly reference: Infer;
  /** What runs anyway; when it is one of the two, its outcome is used. */
  readonly active: Infer;
  readonly random: () => number;
  readonly task: RunnerStart['task']['kind'];
  /** Of the two models, where it differs from the active one's. */
  readonly pipeline?: Pipeline;
};

export function createShadow({ spec, subject, reference, active, random, task, pipeline }: ShadowParts): Shadow {
  const differ = task === 'classify' ? ({ label }: Outcome, other: Outcome) => label !== other.label : numbersDiffer();
  const tally = { id: spec.id, windows: 0, disagreements: 0 };
  const windower = pipeline && createWindower(pipeline);
  const width = pipeline ? sampleWidth(pipeline) : 1;
  const compare = async (window: Float32Array, known: Outcome | undefined, isKnown: boolean) => {
    const outcomeOf = (infer: Infer) => (isKnown && infer === active ? known : infer(window));
    const [ours, theirs] = [await outcomeOf(subject), await outcomeOf(reference)];
    if (theirs === undefined) return; // the reference itself cannot decide this window
    tally.windows++;
    if (ours === undefined || differ(ours, theirs)) tally.disagreements++;
  };
  return {
    tally,
    async decided(window, outcome) {
      if (windower === undefined && random() < spec.share) await compare(window, outcome, true);
    },
    async push({ rows, discontinuity }) {
      if (windower === undefined) return;
      if (discontinuity) windower.reset();
      for (let offset = 0; offset < rows.length; offset += width) {
        const window = windower.push(rows, offset);
        if (window && random() < spec.share) await compare(window, undefined, false);
      }
    },
  };
}

/** Against the root mean square of what the reference has said so far. */
function numbersDiffer(): (ours: Outcome, theirs: Outcome) => boolean {
  let [count, energy] = [0, 0];
  return ({ score }, { score: expected }) => {
    count++;
    energy += expected ** 2;
    return Math.abs(score - expected) > tolerance * Math.sqrt(energy / count);
  };
}
