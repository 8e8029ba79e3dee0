/** What goes into a selection and what comes out: the words that `octet select`, the agent and the page share. */
import type { Budget, Pipeline, Task } from '../data/pipeline.ts';

export const objectives = ['latency', 'throughput', 'memory'] as const;
export type Objective = (typeof objectives)[number];

export type SelectionRequest = {
  readonly modelPath: string;
  readonly featuresPath?: string;
  readonly pipeline?: Pipeline;
  /** Without one the model is taken for a classifier of however many classes it has. */
  readonly task?: Task;
  readonly budget: Budget;
  /** `.npz`, folders of `.npy`, or recording folders. */
  readonly data: readonly string[];
  /** Where `variants/` and `evidence/` go. */
  readonly workFolder: string;
  readonly threads: number;
  readonly objective: Objective;
  /** The most memory the variant's process may need, bytes. */
  readonly memoryBytes?: number;
};

export type SelectionProgress = {
  readonly phase: 'calibrating' | 'measuring';
  /** 0 to 1 within the phase. */
  readonly fraction: number;
  readonly detail: string;
};

/** One variant's measurements and fate. Latencies in microseconds, memory in bytes. */
export type VariantRow = {
  readonly variant: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  /** float32's p50 over this variant's, from alternating blocks of one run: above 1 is faster. */
  readonly speedup: number;
  /** One inference after another, from the mean time of the same run as the percentiles. */
  readonly throughputPerSecond: number;
  readonly loadMs: number;
  readonly peakMemoryBytes: number;
  readonly memoryIncrementBytes: number;
  /** Share of correct held-out decisions; null without labels. */
  readonly accuracy: number | null;
  /** Share of held-out decisions that equal float32's; null where it was not measured. */
  readonly agreement: number | null;
  readonly heldOutWindows: number;
  readonly chosen: boolean;
  /** Why it was chosen, or why it lost. */
  readonly reason: string;
};

export type SelectionResult = {
  /** `met`: a variant satisfies every constraint; `closest`: none does, the row says what came closest. */
  readonly outcome: 'met' | 'closest';
  /** In the order of trying, float32 first. A variant whose trial failed has zeros for figures; its reason says why. */
  readonly rows: readonly VariantRow[];
  /** What was not tried, and why. */
  readonly excluded?: readonly { readonly variant: string; readonly reason: string }[];
  readonly chosen: VariantRow;
  /** The chosen variant's file. */
  readonly chosenPath: string;
  /** One sentence: what was chosen and why. */
  readonly verdict: string;
  /** The evidence record, `<workFolder>/evidence/<sha256>.json`. */
  readonly evidencePath: string;
  readonly durationMs: number;
};
