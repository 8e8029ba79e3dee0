/** What `octet bench` asks of a trial and what it gets: windows of timed queries, each judged by itself. */
import type { Feeds } from '../graph/tensor.ts';
import type { Thermals } from '../hardware/thermals.ts';
import type { Disturbance } from './disturbance.ts';

/**
 * How queries come. Words of MLPerf Inference: `single-stream` one sample at a time; `multi-stream` several samples at once
 * (a frame of each camera), the latency is that of all of them; `offline` as many as there are, only the rate counts.
 */
export const modes = ['single-stream', 'multi-stream', 'offline'] as const;
export type Mode = (typeof modes)[number];

export type BenchRequest = {
  readonly kind: 'bench';
  readonly modelPath: string;
  readonly threads: number;
  readonly mode: Mode;
  /** Samples in one query. */
  readonly batch: number;
  /** What to run on; without any, a synthetic input of the model's shapes. */
  readonly feeds?: readonly Feeds[];
  readonly windowMs: number;
  /** How many undisturbed windows are wanted. */
  readonly windows: number;
  /** How many may be run to get them. */
  readonly mostWindows: number;
  /** How long to go on afterwards without a pause; 0 is not at all. */
  readonly sustainedMs: number;
};

export type BenchWindow = {
  /** Milliseconds since the first window began. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly queries: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly thermals: Thermals;
  /** Empty when nothing disturbed it. */
  readonly disturbances: readonly Disturbance[];
};

export type BenchResult = {
  readonly kind: 'bench';
  readonly loadMs: number;
  /** The first query, microseconds. */
  readonly firstUs: number;
  /** The process's peak resident memory (VmHWM) after loading and the first calls. */
  readonly peakBytes: number;
  /** False when warm-up ended without three windows within 10 %. */
  readonly isStable: boolean;
  readonly warmUpMs: number;
  /** Whether a query is one call on a tensor of `batch` samples; otherwise it is `batch` calls in turn. */
  readonly isBatched: boolean;
  readonly clockTickUs: number;
  /** Queries timed at once because the clock is too coarse for one. */
  readonly queriesPerReading: number;
  readonly windows: readonly BenchWindow[];
  /** Which of the windows the figures are from. */
  readonly kept: readonly number[];
  /** Microseconds per query in the kept windows; evenly thinned where there were very many. */
  readonly timesUs: Float64Array;
  /** Windows of the sustained run, in order. */
  readonly sustained: readonly BenchWindow[];
  /** When the windows began and ended, by the machine's monotonic clock, which all its processes share. */
  readonly fromMachineMs: number;
  readonly toMachineMs: number;
  readonly engineVersion: string;
};
