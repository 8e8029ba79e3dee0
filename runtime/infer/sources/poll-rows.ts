/** A quantity that is read when a sample is due: sample k at k periods after the start, so that errors of single timers never add up. */
import type { SampleBlock, SourceContext } from './source.ts';

export async function* pollRows(
  read: () => readonly number[],
  { pipeline, clock, signal }: SourceContext,
): AsyncGenerator<SampleBlock> {
  const periodMs = 1000 / pipeline.rateHz;
  const startMs = clock.monotonicMs();
  let firstSample = 0;
  let skipped = false;
  for (let tick = 0; !signal.aborted; tick++) {
    const lateMs = clock.monotonicMs() - (startMs + tick * periodMs);
    // A process that was stopped for a while does not catch up: those moments are gone.
    if (lateMs > 2 * periodMs) {
      tick = Math.ceil((clock.monotonicMs() - startMs) / periodMs);
      skipped = true;
    }
    // An abort ends the wait; the loop's condition sees it.
    await clock.sleep(Math.max(0, startMs + tick * periodMs - clock.monotonicMs()), signal).catch(() => undefined);
    if (signal.aborted) return;
    if (skipped) firstSample = 0;
    const discontinuity = firstSample === 0;
    yield {
      rows: Float32Array.from(read()),
      tUs: Math.round(clock.wallMs() * 1000),
      discontinuity,
      firstSample,
      spans: [],
    };
    firstSample++;
    skipped = false;
  }
}
