/**
 * The payloads of protocol `octet/1`, as zod schemas: checked where they enter, typed everywhere else. JSON, UTF-8.
 * Unknown fields are ignored, so that an old console understands a newer agent.
 */
import { z } from 'zod';
import { benchReportSchema } from '../../runtime/measure/bench-report.ts';

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
  /** Types of jobs and names of requests that it takes, and the columns of its streams' points. */
  jobs: z.array(z.string()).optional(),
  requests: z.array(z.string()).optional(),
  streams: z.record(z.string(), z.array(z.string())).optional(),
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

const errorSchema = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });

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
      error: errorSchema.nullable(),
    }),
  ),
  /** Whose orders the device obeys: thumbprints; none means that its file alone decides. */
  keys: z.array(z.string()).optional(),
  /** Until the clock is right, orders that expire wait. */
  clock: z.enum(['synchronised', 'unsynchronised']).optional(),
  /** The last orders that were refused before anything was believed of them. */
  refused: z
    .array(z.object({ ts: unixMs, topic: z.string(), code: z.string(), reason: z.string(), times: z.int().positive() }))
    .optional(),
});

/** Retained on `up/job/<id>`: how far a job has come. Only the device writes it; it clears it some time after the end. */
export const jobStateSchema = z.object({
  job: z.string(),
  type: z.string(),
  state: stateSchema,
  /** One more with every message about this job: of two, the higher one is the newer. */
  seq: z.int().positive(),
  progress: z.number().min(0).max(1),
  detail: z.string(),
  since: unixMs,
  /** Why it ended as it did, for every end but `succeeded`. */
  error: errorSchema.nullable(),
  /** What the job found, where it is small. */
  result: z.unknown().optional(),
});

/** On `o/<operator>/rsp/<device>`: the answer to a request. `status` has the meaning of HTTP's numbers. */
export const replySchema = z.object({
  id: z.string().describe("The request's `jti`"),
  request: z.string(),
  status: z.union([200, 400, 403, 404, 409, 410, 429, 500, 503].map((code) => z.literal(code))),
  error: errorSchema.nullable(),
  body: z.unknown().optional(),
});

/** On `up/log/<job>`: a part of what a job collected; `part` of `parts`, from 1. */
export const logSchema = z.object({
  job: z.string(),
  part: z.int().positive(),
  parts: z.int().positive(),
  lines: z.array(z.string()),
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

/**
 * Retained on `up/bench/<model>/<variant>`: what was measured of one variant here. `trial` is its row in the table of a
 * selection; `report` is that of a benchmark job, in the form of `octet bench --json`.
 */
export const benchSchema = z.object({
  ts: unixMs,
  model: z.string(),
  version: z.string(),
  /** SHA-256 of the model's manifest. */
  digest: z.string(),
  trial: trialRowSchema.optional(),
  report: benchReportSchema.optional(),
});

export type Status = z.output<typeof statusSchema>;
export type Info = z.output<typeof infoSchema>;
export type TrialRow = z.output<typeof trialRowSchema>;
export type Reported = z.output<typeof reportedSchema>;
export type Telemetry = z.output<typeof telemetrySchema>;
export type Event = z.output<typeof eventSchema>;
export type Bench = z.output<typeof benchSchema>;
export type JobState = z.output<typeof jobStateSchema>;
export type Reply = z.output<typeof replySchema>;
export type Log = z.output<typeof logSchema>;
