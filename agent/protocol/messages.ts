/**
 * The payloads of protocol `octet/1`, as zod schemas: checked where they enter, typed everywhere else. JSON, UTF-8.
 * Unknown fields are ignored, so that an old console understands a newer agent.
 */
import { z } from 'zod';

const unixMs = z.number().describe('Unix time, milliseconds');

/** Retained on `up/status`. The last will is the same with `online: false`; a death of an older `sess` is void (Sparkplug's bdSeq). */
export const statusSchema = z.object({
  online: z.boolean(),
  /** Session counter, persisted, one more with every CONNECT. */
  sess: z.int().nonnegative(),
  bootId: z.string(),
  ts: unixMs,
  /** The agent's version. */
  agent: z.string(),
});

/** Retained on `up/info`. */
export const infoSchema = z.object({
  proto: z.literal('octet/1'),
  device: z.string(),
  board: z.string(),
  soc: z.string(),
  arch: z.string(),
  cores: z.int().positive(),
  /** What matters to int8: `neon`, `dotprod`, `i8mm`, `avx2`, `vnni`, … */
  cpuFeatures: z.array(z.string()),
  memoryBytes: z.int().positive(),
  onnxRuntime: z.string(),
  node: z.string(),
  agent: z.string(),
  /** Said where something is simulated: `sensor replayed from recordings`. */
  simulated: z.array(z.string()),
});

/** The states of a deployment or job, everywhere and exactly. */
export const states = [
  'queued',
  'accepted',
  'downloading',
  'verifying',
  'calibrating',
  'measuring',
  'shadowing',
  'activating',
  'confirming',
  'succeeded',
  'failed',
  'rejected',
  'cancelled',
  'timed_out',
  'rolled_back',
] as const;
export const stateSchema = z.enum(states);
export type State = z.output<typeof stateSchema>;

/** One row of the table of trials. Latencies in microseconds. */
export const trialRowSchema = z.object({
  variant: z.string(),
  sha256: z.string(),
  sizeBytes: z.int().nonnegative(),
  p50Us: z.number(),
  p90Us: z.number(),
  p99Us: z.number(),
  /** float32's p50 over this variant's, from alternating blocks of one run: above 1 is faster. */
  speedup: z.number(),
  throughputPerSecond: z.number(),
  loadMs: z.number(),
  /** Peak resident memory of the process, and the increment over a one-node model. */
  peakMemoryBytes: z.number(),
  memoryIncrementBytes: z.number(),
  /** Share of correct held-out decisions; null without labels. */
  accuracy: z.number().nullable(),
  /** Share of held-out decisions that equal float32's. */
  agreement: z.number().nullable(),
  heldOutWindows: z.int().nonnegative(),
  chosen: z.boolean(),
  /** Why it was chosen, or why it lost. */
  reason: z.string(),
});

/** Retained on `up/reported`. */
export const reportedSchema = z.object({
  /** Version of the desired document that these slots answer to; 0 when the local config asked. */
  desiredVersion: z.int().nonnegative(),
  slots: z.array(
    z.object({
      slot: z.string(),
      state: stateSchema,
      /** Progress within the state, 0 to 1, and what is going on in words. */
      progress: z.number().min(0).max(1),
      detail: z.string(),
      since: unixMs,
      active: z
        .object({
          model: z.string(),
          version: z.string(),
          variant: z.string(),
          sha256: z.string(),
          verdict: z.string(),
        })
        .nullable(),
      trials: z.array(trialRowSchema),
      error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).nullable(),
    }),
  ),
});

/**
 * A batch of points on `up/t/<stream>`: sequence numbers `first`…`last` are contiguous within `epoch`; a restart opens a
 * new epoch. `hist` marks backlog, which live data may overtake. `gap` states what had to be dropped, never silently.
 */
export const telemetrySchema = z.object({
  stream: z.string(),
  epoch: z.string(),
  first: z.int().nonnegative(),
  last: z.int().nonnegative(),
  hist: z.boolean(),
  pts: z.array(z.array(z.union([z.number(), z.string(), z.null()]))),
  gap: z.object({ first: z.int(), last: z.int(), reason: z.string() }).optional(),
});

/** Columns of the points of each stream. */
export const streamColumns = {
  /** `truth` is there only when a labelled recording is replayed. */
  decisions: ['t_us', 'seq', 'label', 'score', 'latency_us', 'truth'],
  /** `temperature_c` is null where the device has no sensor; memory in bytes (PSS); load 0 to 1. */
  system: ['t_us', 'seq', 'temperature_c', 'cpu_load', 'memory_available', 'agent_pss', 'runner_pss'],
} as const;

/** On `up/ev/<type>`. */
export const eventSchema = z.object({
  ts: unixMs,
  severity: z.enum(['info', 'warning', 'error']),
  text: z.string(),
  data: z.unknown().optional(),
});

/** Retained on `up/bench/<model>/<variant>`: one trial, and of which model. */
export const benchSchema = z.object({
  ts: unixMs,
  model: z.string(),
  version: z.string(),
  /** SHA-256 of the model's manifest. */
  digest: z.string(),
  trial: trialRowSchema,
});

export type Status = z.output<typeof statusSchema>;
export type Info = z.output<typeof infoSchema>;
export type TrialRow = z.output<typeof trialRowSchema>;
export type Reported = z.output<typeof reportedSchema>;
export type Telemetry = z.output<typeof telemetrySchema>;
export type Event = z.output<typeof eventSchema>;
export type Bench = z.output<typeof benchSchema>;
