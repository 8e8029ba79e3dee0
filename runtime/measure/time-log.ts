/**
 * Timings of any number of calls in a fixed amount of memory, so that measuring for ten minutes does not show in the memory
 * that is measured. When it is full, every second one goes and from then on every second one is kept: what stays is spread evenly.
 */

export type TimeLog = {
  /** How many were added. */
  readonly count: number;
  /** One in so many was kept. */
  readonly stride: number;
  /** Those kept, in order. */
  readonly times: Float64Array;
};

export type TimeRecorder = { add(us: number): void; log(): TimeLog };

/** @param capacity even. */
export function recordTimes(capacity = 32_768): TimeRecorder {
  const kept = new Float64Array(capacity);
  let [count, length, stride] = [0, 0, 1];
  return {
    add(us) {
      if (count++ % stride !== 0) return;
      if (length === capacity) {
        // The capacity is even, so the one to add now belongs to the wider stride, too.
        length /= 2;
        stride *= 2;
        for (let at = 0; at < length; at++) kept[at] = kept[2 * at]!;
      }
      kept[length++] = us;
    },
    log: () => ({ count, stride, times: kept.slice(0, length) }),
  };
}

/** All logs as one sample, in which each counts by the calls it stands for. */
export function poolTimes(logs: readonly TimeLog[]): Float64Array {
  const stride = Math.max(...logs.map((log) => log.stride));
  const parts = logs.map((log) => log.times.filter((_, at) => at % (stride / log.stride) === 0));
  const pooled = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    pooled.set(part, at);
    at += part.length;
  }
  return pooled;
}
