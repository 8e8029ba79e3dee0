/** What the trial process and whoever started it (a selection, `octet bench`) say to each other over IPC. */
import type { ErrorRecord } from '../base/errors.ts';
import type { Pipeline, Task } from '../data/pipeline.ts';
import type { Feeds } from '../graph/tensor.ts';
import type { BenchRequest, BenchResult } from './bench-messages.ts';
import type { SessionSettings } from './session-settings.ts';

/** Where a trial takes its inputs: held-out windows, so that what is timed is what will run. */
export type TrialData = {
  readonly paths: readonly string[];
  readonly task?: Task;
  readonly pipeline?: Pipeline;
  readonly featuresPath?: string;
};

/**
 * Looks at a model and its data, before anything is measured. A step of its own, because reading a data set leaves traces
 * in the process's memory, and the trials that follow shall have none.
 */
export type PrepareRequest = { readonly kind: 'prepare'; readonly modelPath: string; readonly data: TrialData };

/** One model, alone in a fresh process: load time, memory, throughput, and then its decisions. */
export type AloneRequest = {
  readonly kind: 'alone';
  readonly modelPath: string;
  readonly settings: SessionSettings;
  /** What to run on; without any, a synthetic input of the model's shapes. */
  readonly feeds?: readonly Feeds[];
  /** How long to run for the throughput. */
  readonly throughputMs: number;
  /** Held-out windows to decide, spread evenly, after memory was read. */
  readonly decide?: DecideRequest;
};

/**
 * How many windows; or the time to spend, from which the trial works out a number (400 at least), so that the first trial of a selection
 * can set the number for all.
 */
export type DecideRequest = { readonly data: TrialData } & (
  | { readonly windows: number }
  | { readonly budgetMs: number }
);

/** Two models in one process, in alternating blocks. */
export type PairedRequest = {
  readonly kind: 'paired';
  readonly baselinePath: string;
  readonly modelPath: string;
  readonly threads: number;
  readonly feeds: readonly Feeds[];
  readonly budgetMs: number;
};

export type RaceSide = { readonly modelPath: string; readonly settings: SessionSettings };

/** A baseline and several contenders in one process, in alternating blocks. */
export type RaceRequest = {
  readonly kind: 'race';
  readonly baseline: RaceSide;
  readonly variants: readonly RaceSide[];
  readonly feeds: readonly Feeds[];
  /** For all of them together. */
  readonly budgetMs: number;
};

/** A model of one node, loaded and run like `alone`: the memory that any model costs. */
export type FloorRequest = { readonly kind: 'floor'; readonly threads: number };

export type TrialRequest = PrepareRequest | AloneRequest | PairedRequest | RaceRequest | FloorRequest | BenchRequest;

export type TrialMemory = {
  /** The process's peak resident memory (VmHWM) after loading and the first calls, before any data set is read. */
  readonly peakBytes: number;
  /** Median of its proportional set size while running; null where the kernel does not tell. */
  readonly pssBytes: number | null;
};

/** Percentiles of the time of one inference, microseconds. */
export type LatencySummary = {
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  /** In alternating blocks: the median block's mean. */
  readonly meanUs: number;
  readonly calls: number;
  /** The values below which 0, 1, 2, … 100 per cent of the calls lie. */
  readonly quantilesUs: readonly number[];
};

/** What a model is made of: how many of each operator, and how many weights each kind of operator holds. */
export type ModelSummary = {
  readonly operators: Readonly<Record<string, number>>;
  readonly weights: Readonly<Record<string, number>>;
};

export type Decided = {
  readonly windows: number;
  /** Class per window (argmax of the first output, −1 when it is not finite); null unless the task is to classify. */
  readonly decisions: Int32Array | null;
  /** First outputs of all windows, one after another; null when the task is to classify. */
  readonly outputs: Float32Array | null;
  /** Class per window as the data has it, −1 where unknown; null without labels. */
  readonly labels: Int32Array | null;
  /** In words, what the windows are. */
  readonly description: string;
};

export type PrepareResult = {
  readonly kind: 'prepare';
  /** Real held-out windows to run on. */
  readonly feeds: readonly Feeds[];
  readonly heldOutWindows: number;
  readonly summary: ModelSummary;
  /** As given; else guessed from outputs and labels, null for a classifier of however many classes. */
  readonly task: Task | null;
  /** Whether several samples fit into one call. */
  readonly canBatch: boolean;
  readonly engineVersion: string;
};

export type AloneResult = {
  readonly kind: 'alone';
  readonly loadMs: number;
  readonly firstUs: number;
  readonly latency: LatencySummary;
  /** Samples, not calls. */
  readonly throughputPerSecond: number;
  /** When the run for the throughput began and ended, by the machine's monotonic clock, which all its processes share. */
  readonly fromMachineMs: number;
  readonly toMachineMs: number;
  readonly memory: TrialMemory;
  /** False when warm-up ended without three windows within 10 %. */
  readonly isStable: boolean;
  readonly decided: Decided | null;
  readonly engineVersion: string;
};

export type PairedResult = {
  readonly kind: 'paired';
  readonly baseline: LatencySummary;
  readonly variant: LatencySummary;
  /** One row per round: medians and means of both blocks, microseconds. */
  readonly rounds: readonly Round[];
  readonly callsPerBlock: number;
  readonly isStable: boolean;
};

export type RaceResult = {
  readonly kind: 'race';
  readonly baseline: LatencySummary;
  /** In the order of the request. */
  readonly variants: readonly {
    readonly latency: LatencySummary;
    readonly rounds: readonly Round[];
    readonly isStable: boolean;
  }[];
  readonly callsPerBlock: number;
};

export type Round = {
  readonly baselineFirst: boolean;
  readonly baselineP50Us: number;
  readonly variantP50Us: number;
  readonly baselineMeanUs: number;
  readonly variantMeanUs: number;
};

export type FloorResult = { readonly kind: 'floor'; readonly peakBytes: number };

export type TrialResult = PrepareResult | AloneResult | PairedResult | RaceResult | FloorResult | BenchResult;

export type TrialEvent =
  /** A sign of life. */
  | { readonly kind: 'progress'; readonly fraction: number }
  | { readonly kind: 'result'; readonly result: TrialResult }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
