/**
 * Large arrays that nothing refers to any more stay in memory until V8 collects, and V8 collects when its own small objects grow, not
 * when what hangs on them does. So it is told, where a stage that held a model ends and while samples go by.
 */
import { memoryUsage } from 'node:process';

/** Below it, a collection costs more than it gives. */
const worthwhileBytes = 8 * 2 ** 20;

/** Collects if there may be much to collect. Only where Node was started with --expose-gc, as nodeOptions() in children.ts does. */
export function releaseMemory(): void {
  if (memoryUsage().arrayBuffers > worthwhileBytes) globalThis.gc?.();
}

/** @returns to be told how many bytes of arrays were just used for the last time; collects when they have become many. */
export function releaseAfterwards(): (bytes: number) => void {
  let waiting = 0;
  return (bytes) => {
    waiting += bytes;
    if (waiting < worthwhileBytes) return;
    waiting = 0;
    globalThis.gc?.();
  };
}
