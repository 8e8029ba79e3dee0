/** What goes into a selection and what comes out: the words that `octet select`, the agent and the page share. */
import type { Budget, Pipeline, Task } from '../data/pipeline.ts';
import type { SessionSettings } from '../measure/session-settings.ts';
import type { Fate } from './trial-evidence.ts';

export const objectives = ['latency', 'throughput', 'memory', 'energy'] as const;
export type Objective = (typeof objectives)[number];

/** What an answer must keep, whatever the objective. */
export type Constraints = {
  /** Of one call, microseconds. */
  readonly latencyP95Us?: number;
  /** The most memory the variant's process may need, bytes. */
  readonly memoryBytes?: number;
  /** The most it may need above a process with a model of one node, bytes. */
  readonly memoryIncrementBytes?: number;
};

export type SelectionRequest = Constraints & {
  readonly modelPath: string;
  readonly featuresPath?: string;
  readonly pipeline?: Pipeline;
  /** Without one it is guessed from labels and outputs. */
  readonly task?: Task;
  readonly budget: Budget;
  /** `.npz`, folders of `.npy`, or recording folders. */
  readonly data: readonly string[];
  /** Where `variants/` and `evidence/` go. */
  readonly workFolder: string;
  /** Of the float32 that everything is compared with, and of every contender unless settings are searched. */
  readonly threads: number;
  /** Whether other numbers of threads, spinning, arenas and batches are tried: only for whoever can run the answer that way. */
  readonly searchSettings?: boolean;
  readonly objective: Objective;
  /** The time that all of it may take, building included. Default 60 s. */
  readonly timeMs?: number;
};

export const defaultTimeMs = 60_000;

export type SelectionProgress = {
  readonly phase: 'calibrating' | 'measuring';
  /** 0 to 1 within the phase. */
  readonly fraction: number;
  readonly detail: string;
};

/** One contender's measurements and fate. Latencies in microseconds, memory in bytes. */
export type VariantRow = {
  /** The variant's name, with its session settings where they are not the usual ones: `dynamic, 2 threads`. */
  readonly variant: string;
  readonly settings: SessionSettings;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p95Us: number;
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
  readonly fate: Fate;
  /** Why it was chosen, or why it lost. */
  readonly reason: string;
};

export type SelectionResult = {
  /** `met`: a variant satisfies every constraint; `closest`: none does, the row says what came closest. */
  readonly outcome: 'met' | 'closest';
  /** float32 first, then from simple to involved. What was not measured has zeros for figures; its reason says why. */
  readonly rows: readonly VariantRow[];
  /** What was not tried, and why. */
  readonly excluded?: readonly { readonly variant: string; readonly reason: string }[];
  readonly chosen: VariantRow;
  /** The chosen variant's file. */
  readonly chosenPath: string;
  /** One sentence: what was chosen and why. */
  readonly verdict: string;
  /** How it was searched, where that is worth a sentence: a record was confirmed, or contradicted. */
  readonly note?: string;
  /** The evidence record, `<workFolder>/evidence/<sha256>.json`. */
  readonly evidencePath: string;
  readonly durationMs: number;
};
