/**
 * What time tells of a live sensor. A silence means that samples are missing, so the next one does not follow on the last; a rate
 * that is not the model's means that every window is stretched; a step of the wall clock means that times before and after it
 * do not compare. Durations are taken from the monotonic clock.
 */
import type { Clock } from '../../base/clock.ts';
import { OctetError } from '../../base/errors.ts';
import { sampleWidth } from '../../data/pipeline.ts';
import type { Report } from '../problems.ts';
import type { SampleBlock, Source, SourceContext } from './source.ts';

/** Longer than programs buffer and schedulers pause; a sensor that is slower than this has its own period. */
const slackMs = 1000;
/** The rate is judged over at least so long, and so many samples: the first ones of a program come in a rush. */
const judgedMs = 10_000;
const judgedSamples = 20;
/** A tenth more or less than the model was trained on is said; clocks of cheap sensors are off by less. */
const toleratedRate = 0.1;
/** Daily corrections slew; what steps by a second is a clock being set. */
const clockStepMs = 1000;

export async function* watchTiming(source: Source, context: SourceContext): AsyncGenerator<SampleBlock> {
  const { pipeline, clock, problems } = context;
  const width = sampleWidth(pipeline);
  const isGap = gapDetector(pipeline.rateHz, problems.reporter());
  const watchRate = rateWatch(pipeline.rateHz, clock, problems.reporter());
  const watchClock = clockWatch(clock, problems.reporter());
  let firstSample = 0;
  const blocks = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const askedMs = clock.monotonicMs();
      const next = await blocks.next();
      if (next.done) return;
      const samples = next.value.rows.length / width;
      const discontinuity = isGap(clock.monotonicMs() - askedMs, samples) || next.value.discontinuity;
      if (discontinuity) firstSample = 0;
      watchRate(samples, discontinuity);
      watchClock();
      yield { ...next.value, discontinuity, firstSample };
      firstSample += samples;
    }
  } finally {
    await blocks.return?.();
  }
}

/** Only the wait for the sensor counts: while the model is at work, samples wait in the pipe and none is missing. */
function gapDetector(rateHz: number, report: Report): (waitedMs: number, samples: number) => boolean {
  let isFirst = true;
  return (waitedMs, samples) => {
    const explainedMs = (samples * 1000) / rateHz + Math.max(slackMs, 2000 / rateHz);
    const isGap = !isFirst && waitedMs > explainedMs;
    isFirst = false;
    if (isGap)
      report(
        timingError(`${rateHz} samples a second`, `none for ${seconds(waitedMs)}; the next window begins anew`, {
          hint: 'The sensor or its bus was away. If it goes on, look at the cable and at: dmesg | tail',
        }),
      );
    return isGap;
  };
}

function rateWatch(rateHz: number, clock: Clock, report: Report): (samples: number, restart: boolean) => void {
  let [sinceMs, count] = [clock.monotonicMs(), 0];
  return (samples, restart) => {
    const nowMs = clock.monotonicMs();
    if (restart) [sinceMs, count] = [nowMs, 0];
    // The first block's samples were taken before the time began to be counted.
    else count += samples;
    if (nowMs - sinceMs < judgedMs || count < judgedSamples) return;
    const measuredHz = (count * 1000) / (nowMs - sinceMs);
    [sinceMs, count] = [nowMs, 0];
    if (Math.abs(measuredHz / rateHz - 1) <= toleratedRate) return;
    report(
      timingError(`${rateHz} samples a second, as the model was trained on`, `${measuredHz.toPrecision(3)}`, {
        hint: 'Set the rate of the sensor, or of the program that reads it. If it is right, the processor does not keep up.',
      }),
    );
  };
}

function clockWatch(clock: Clock, report: Report): () => void {
  const offsetOf = () => clock.wallMs() - clock.monotonicMs();
  let offsetMs = offsetOf();
  return () => {
    const stepMs = offsetOf() - offsetMs;
    if (Math.abs(stepMs) < clockStepMs) return;
    offsetMs += stepMs;
    const got = `a step ${stepMs > 0 ? 'forward' : 'back'} by ${seconds(Math.abs(stepMs))}`;
    report(timingError('a steady wall clock', got, { hint: 'Times of decisions before it are off by as much.' }));
  };
}

function timingError(expected: string, got: string, options: { hint: string }): OctetError {
  return new OctetError('SOURCE_FAILED', `source: expected ${expected}, got ${got}`, options);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
