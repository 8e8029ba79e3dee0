/** One window → one decision: features, model, decision. */
import { type Features, openFeatures } from '../data/features.ts';
import { sampleWidth } from '../data/pipeline.ts';
import { openSession, type Session } from '../engine/session.ts';
import type { Tensor } from '../graph/tensor.ts';
import { deciderOf, type Outcome } from './decide.ts';
import type { RunnerStart } from './messages.ts';

/** Undefined when the model's output is not finite. */
export type Infer = (window: Float32Array) => Promise<Outcome | undefined>;

/** Sees what goes into the model and what comes out of it. */
export type Observe = (window: Float32Array, input: Tensor, output: Tensor) => void;

/**
 * Loads the model and its features and runs them once on an empty window, so that the first real one is as fast as the rest
 * and a model that does not fit its task is refused now.
 * @throws FILE_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED, DATA_MISMATCH, ENGINE_FAILED
 */
export async function openInference(
  start: Pick<RunnerStart, 'modelPath' | 'featuresPath' | 'pipeline' | 'task' | 'threads'>,
  observe?: Observe,
): Promise<Infer> {
  const { modelPath, featuresPath, pipeline, task, threads } = start;
  const session = await openSession(modelPath, { threads });
  const features = await openFeatures({ inputs: session.inputs, pipeline, featuresPath });
  const silent = createInference(session, features, task);
  await silent(new Float32Array(pipeline.window.samples * sampleWidth(pipeline)));
  return observe === undefined ? silent : createInference(session, features, task, observe);
}

export function createInference(
  session: Session,
  features: Features,
  task: RunnerStart['task'],
  observe?: Observe,
): Infer {
  const decide = deciderOf(task);
  const input = session.inputs[0]?.name ?? '';
  const output = session.outputs[0]?.name ?? '';
  return async (window) => {
    const feeds = await features.feeds(window);
    const outputs = await session.run(feeds);
    const [fed, answer] = [feeds[input] as Tensor, outputs[output] as Tensor];
    observe?.(window, fed, answer);
    return decide(answer, fed);
  };
}

/** One after the other, in the order of asking: a session runs once at a time, and its features share their buffers. */
export function inTurns(infer: Infer): Infer {
  let last: Promise<unknown> = Promise.resolve();
  return (window) => {
    const turn = last.then(() => infer(window));
    // Who asked hears of a failure; the next one in turn does not.
    last = turn.catch(() => undefined);
    return turn;
  };
}
