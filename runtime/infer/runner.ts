/**
 * The path of samples through a running model: blocks → windows → decisions → sinks. One window at a time, and the next
 * block is asked for when this one is done, so that no window is lost, doubled or overtaken.
 */
import type { Clock } from '../base/clock.ts';
import { OctetError } from '../base/errors.ts';
import { type Pipeline, sampleWidth } from '../data/pipeline.ts';
import { labelOf } from '../data/recording.ts';
import { createWindower } from '../data/window.ts';
import type { Infer } from './inference.ts';
import type { Decision } from './messages.ts';
import type { Report } from './problems.ts';
import type { Recorder } from './recording/recorder.ts';
import type { Reservoir } from './recording/reservoir.ts';
import type { Shadow } from './shadow.ts';
import type { Sink } from './sinks/sink.ts';
import type { SampleBlock } from './sources/source.ts';

export type RunnerParts = {
  readonly source: AsyncIterable<SampleBlock>;
  readonly pipeline: Pipeline;
  readonly infer: Infer;
  readonly sinks: readonly Pick<Sink, 'write'>[];
  readonly recorder?: Pick<Recorder, 'push'> | undefined;
  readonly reservoir?: Pick<Reservoir, 'offer'> | undefined;
  /** Two models compared on live windows, while there is something to compare. */
  readonly shadow?: () => Pick<Shadow, 'decided' | 'push'> | undefined;
  /** Told of each window that the model could not decide. */
  readonly report: Report;
  readonly clock: Clock;
  /** Ends the run between two windows. */
  readonly signal: AbortSignal;
};

/** Runs until the source ends or the signal is aborted. @throws what the source or the model throws. */
export async function runPipeline(parts: RunnerParts): Promise<void> {
  const { source, pipeline, sinks, recorder, reservoir, report, signal } = parts;
  const width = sampleWidth(pipeline);
  const windower = createWindower(pipeline);
  let seq = 0;
  for await (const block of source) {
    if (block.discontinuity) windower.reset();
    await recorder?.push(block);
    await parts.shadow?.()?.push(block);
    for (let offset = 0; offset < block.rows.length; offset += width) {
      const window = windower.push(block.rows, offset);
      if (window === undefined) continue;
      if (signal.aborted) return;
      const decision = await decideWindow(parts, block, window, offset / width, seq);
      if (decision === undefined) report(undecided(block, offset / width));
      else {
        seq++;
        for (const sink of sinks) sink.write(decision);
        reservoir?.offer(window, decision.label);
      }
      // After the decision has gone out.
      await parts.shadow?.()?.decided(window, decision);
    }
  }
}

/** @param last index in `block` of the window's last sample. */
async function decideWindow(
  { infer, clock, pipeline }: RunnerParts,
  { tUs, firstSample, spans }: SampleBlock,
  window: Float32Array,
  last: number,
  seq: number,
): Promise<Decision | undefined> {
  const completeMs = clock.monotonicMs();
  const outcome = await infer(window);
  if (outcome === undefined) return undefined;
  const { label, score } = outcome;
  const latencyUs = (clock.monotonicMs() - completeMs) * 1000;
  const endSample = firstSample + last + 1;
  const truth = labelOf(spans, endSample - pipeline.window.samples, endSample);
  return { tUs, seq, label, score, latencyUs, ...(truth === undefined ? {} : { truth }) };
}

function undecided({ firstSample }: SampleBlock, last: number): OctetError {
  return new OctetError(
    'DATA_INVALID',
    `window that ends at sample ${firstSample + last}: expected finite outputs of the model, got NaN or infinity`,
    { hint: 'Look at the sensor values and at the features made of them; octet run with the float32 model compares.' },
  );
}
