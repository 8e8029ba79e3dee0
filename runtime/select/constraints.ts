/** The hard constraints: what an answer must keep whatever its merits, and by how much a contender misses them. Pure. */

import type { Contender, Demands } from './contender.ts';
import { accuracyText, bytesText, estimateText, timeText } from './figures.ts';

/** How far a contender is from what is demanded; `excess` is relative, 0.1 is a tenth too much. */
export type Fault = { readonly excess: number; readonly text: string };
type Check = (contender: Contender, demands: Demands) => Fault | undefined;

const checks = {
  failure: ({ failure }) => (failure === null ? undefined : { excess: Infinity, text: `failed: ${failure}` }),
  accuracy: ({ accuracy }) => {
    if (accuracy === null || accuracy.verdict === 'within') return undefined;
    const excess = accuracy.bound / Math.max(accuracy.limit, 1e-6) - 1;
    return { excess: Number.isNaN(excess) ? Infinity : excess, text: accuracyText(accuracy) };
  },
  latency: ({ latencyP95Us }, { latencyP95Us: limit }) =>
    over(latencyP95Us, limit, (value, most) => `p95 is ${timeText(value)}, ${timeText(most)} are allowed`),
  memory: ({ peakMemoryBytes }, { memoryBytes }) =>
    over(
      peakMemoryBytes,
      memoryBytes,
      (value, most) => `needs ${bytesText(value)} of memory, ${bytesText(most)} are allowed`,
    ),
  increment: ({ memoryIncrementBytes }, { memoryIncrementBytes: limit }) =>
    over(
      memoryIncrementBytes,
      limit,
      (value, most) => `needs ${bytesText(value)} above an empty process, ${bytesText(most)} are allowed`,
    ),
  // A variant that is slower is never an answer. The float32 model itself may be run slower, to save memory or energy.
  speed: ({ speedup, isFloat32 }, { objective }) => {
    if (speedup === null || speedup.low >= 1) return undefined;
    if (isFloat32 && (objective === 'memory' || objective === 'energy')) return undefined;
    const word = speedup.high < 1 ? 'slower than float32' : 'not surely faster than float32';
    const remedy = speedup.high >= 1 && speedup.value > 1.03 ? '; more --time, or a calmer device, would tell' : '';
    return { excess: 1 / speedup.low - 1, text: `${word}: ${estimateText(speedup)}${remedy}` };
  },
} as const satisfies Record<string, Check>;

function over(
  value: number | null,
  limit: number | undefined,
  text: (value: number, limit: number) => string,
): Fault | undefined {
  if (value === null || limit === undefined || value <= limit) return undefined;
  return { excess: value / limit - 1, text: text(value, limit) };
}

/** What is wrong with a contender as far as it was measured; what was not measured is no fault. */
export function faultsOf(contender: Contender, demands: Demands): Fault[] {
  return Object.values(checks).flatMap((check: Check) => check(contender, demands) ?? []);
}

/** Timings of short comparisons are this uncertain. */
const slack = 1.1;

/** Whether no further comparison would make an answer of it: a longer one may still change what is close. */
export function isHopeless(contender: Contender, demands: Demands): boolean {
  const { speedup, latencyP95Us } = contender;
  const relaxed =
    demands.latencyP95Us === undefined ? demands : { ...demands, latencyP95Us: demands.latencyP95Us * slack };
  const lenient: Contender = {
    ...contender,
    latencyP95Us,
    speedup: speedup !== null && speedup.high >= 1 ? { ...speedup, low: 1 } : speedup,
  };
  return faultsOf(lenient, relaxed).length > 0;
}
