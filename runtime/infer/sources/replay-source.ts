/**
 * Recordings played back as if they were live. Sample k is due k periods after the start on the monotonic clock, so errors
 * of single timers never add up; what is due goes out in one block.
 */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { OctetError } from '../../base/errors.ts';
import { openRecordings, type Recording } from '../../data/recording.ts';
import { checkRecording } from '../../data/recording-samples.ts';
import type { SourceSpec } from '../messages.ts';
import type { SampleBlock, SourceContext } from './source.ts';

type ReplaySpec = Extract<SourceSpec, { kind: 'replay' }>;

/** The most samples in one block: other events get their turn between blocks. */
const blockSamples = 256;

/** @throws FILE_NOT_FOUND, DATA_INVALID, DATA_MISMATCH when a recording is not what the pipeline describes. */
export async function openReplay(spec: ReplaySpec, context: SourceContext): Promise<AsyncIterable<SampleBlock>> {
  const opened = await Promise.all(spec.recordings.map(openRecordings));
  const recordings = opened.flat();
  for (const recording of recordings) checkRecording(recording, context.pipeline);
  if (recordings.some(({ sampleCount }) => sampleCount > 0)) return replay(recordings, spec, context);
  throw new OctetError('DATA_INVALID', `replay: expected recordings in ${spec.recordings.join(', ')}, got no samples`, {
    hint: 'Name a folder that holds recording.json, or a folder of such folders.',
  });
}

async function* replay(
  recordings: readonly Recording[],
  { speed, loop }: ReplaySpec,
  { pipeline, clock, signal }: SourceContext,
): AsyncGenerator<SampleBlock> {
  const countDue = pace((speed * pipeline.rateHz) / 1000, clock);
  do {
    for (const { sampleCount, info, read } of recordings) {
      let first = 0;
      while (first < sampleCount) {
        const room = Math.min(blockSamples, sampleCount - first, untilBreak(first, info.windowSamples));
        const due = await countDue(room, signal);
        if (due === 0) return;
        const rows = await read(first, first + due);
        const tUs = Math.round(clock.wallMs() * 1000);
        yield { rows, tUs, discontinuity: isBreak(first, info.windowSamples), firstSample: first, spans: info.spans };
        first += due;
      }
    }
  } while (loop);
}

/** Whether the sample does not follow on the one before it: the first one, and that of each window of a reservoir. */
function isBreak(sample: number, windowSamples: number | undefined): boolean {
  return windowSamples === undefined ? sample === 0 : sample % windowSamples === 0;
}

function untilBreak(sample: number, windowSamples: number | undefined): number {
  return windowSamples === undefined ? Number.POSITIVE_INFINITY : windowSamples - (sample % windowSamples);
}

/**
 * @param perMs samples a millisecond; 0: everything is due at once.
 * @returns waits until at least one sample is due; how many of the next `most` are; 0 when aborted.
 */
function pace(perMs: number, clock: SourceContext['clock']): (most: number, signal: AbortSignal) => Promise<number> {
  const startMs = clock.monotonicMs();
  let played = 0;
  return async (most, signal) => {
    if (perMs === 0) await yieldToEvents();
    for (;;) {
      if (signal.aborted) return 0;
      const elapsedMs = clock.monotonicMs() - startMs;
      const due = perMs === 0 ? most : Math.min(most, Math.floor(elapsedMs * perMs) + 1 - played);
      if (due > 0) {
        played += due;
        return due;
      }
      // An abort ends the wait; the loop's first line sees it.
      await clock.sleep(played / perMs - elapsedMs, signal).catch(() => {});
    }
  };
}
