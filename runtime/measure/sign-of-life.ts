/**
 * A model that is slow and a model that never returns look alike from outside, until the slow one says after each call that it
 * lives. Fast models are called as they are: even a look at the clock between two calls would show in their times.
 */
import { type Call, monotonicUs, timeCalls } from './timing.ts';

/** Told the share that is done; without one, that it goes on. */
export type OnProgress = (fraction?: number) => void;

/** Above this a call's time does not notice a message. */
const slowUs = 100_000;

/** The first call, and how to make all that follow. */
export async function startCalling(
  call: Call,
  onProgress: OnProgress,
): Promise<{ readonly firstUs: number; readonly call: Call }> {
  const [firstUs = 0] = await timeCalls(call, 1, 1, monotonicUs);
  const telling = async () => {
    await call();
    onProgress();
  };
  return { firstUs, call: firstUs < slowUs ? call : telling };
}
