/**
 * The record of `octet bench`: every figure with its interval, what disturbed the measurement, and everything needed to
 * run it again. The schema is published (`octet bench --schema`), so that other programs can rely on it.
 */
import { z } from 'zod';
import { modes } from './bench-messages.ts';

const bytes = z.number().nonnegative();
const microseconds = z.number().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const quantileSchema = z
  .object({ valueUs: microseconds, lowUs: microseconds.nullable(), highUs: microseconds.nullable() })
  .describe('Microseconds per query, with a distribution-free 95 % interval; null where too few queries bound it.');

const windowSchema = z
  .object({
    atMs: z.number().describe('Since the first window of its phase began.'),
    durationMs: z.number(),
    queries: z.int(),
    p50Us: microseconds,
    p90Us: microseconds,
    p99Us: microseconds,
    temperatureC: z.number().nullable(),
    frequencyMHz: z.number().nullable(),
    isKept: z.boolean().describe('Whether the figures are from it.'),
    disturbances: z.array(z.object({ kind: z.enum(['throttled', 'starved', 'swapped']), text: z.string() })),
  })
  .describe('A stretch of the measurement, judged by itself.');

const conditionsSchema = z.looseObject({
  temperatureC: z.number().nullable(),
  frequencyMHz: z.number().nullable(),
  governor: z.string().nullable(),
  load1: z.number(),
});

export const benchReportSchema = z.object({
  format: z.literal(1),
  startedAt: z.iso.datetime().describe('Wall time.'),
  model: z.object({ path: z.string(), sha256, sizeBytes: bytes }),
  options: z.object({
    mode: z.enum(modes).describe("MLPerf Inference's scenarios."),
    batch: z.int().describe('Samples per query.'),
    threads: z.int(),
    durationMs: z.number(),
    sustainedMs: z.number(),
    data: z.array(z.string()).describe('What the inputs were taken from; empty: synthetic.'),
  }),
  again: z.array(z.string()).describe('The words of the command that repeats this run.'),
  inputs: z.string(),
  versions: z.object({ octet: z.string(), node: z.string(), onnxRuntime: z.string() }),
  device: z.object({
    board: z.string(),
    soc: z.string(),
    os: z.string(),
    kernel: z.string(),
    processor: z.string(),
    cores: z.int(),
    cpuFeatures: z.array(z.string()),
    remarks: z.array(z.string()),
  }),
  conditions: z.object({ before: conditionsSchema, after: conditionsSchema }),
  load: z.object({ ms: z.number() }),
  firstQueryUs: microseconds,
  warmUp: z.object({ ms: z.number(), isStable: z.boolean().describe('Three windows in a row within 10 %.') }),
  latency: z.object({ p50: quantileSchema, p90: quantileSchema, p99: quantileSchema, p999: quantileSchema }),
  queries: z.object({
    measured: z.int(),
    isBatched: z.boolean().describe('One call on a tensor of all samples; otherwise one call per sample, in turn.'),
    perReading: z
      .int()
      .describe('Above 1 the clock is too coarse for one query, and percentiles are of means of so many.'),
    clockTickUs: z.number(),
  }),
  throughputPerSecond: z.number().describe('Samples per second.'),
  memory: z.object({
    peakBytes: bytes.describe('VmHWM after loading and the first queries.'),
    incrementBytes: bytes.describe('Over a model of one node.'),
    steadyPssBytes: bytes.nullable().describe('Median while measuring, read from outside the process.'),
    peakPssBytes: bytes.nullable(),
    readings: z.int(),
  }),
  energy: z
    .object({
      meter: z.string(),
      covers: z.enum(['board', 'processor', 'part']),
      watts: z.number(),
      joulesPerSample: z.number(),
    })
    .nullable()
    .describe('Everything that the meter covers, idle consumption included; null without a readable meter.'),
  energyNote: z.string().describe('What the meter covers, or why there is none.'),
  isReliable: z.boolean().describe('At least half of the wanted windows went undisturbed.'),
  windowsWanted: z.int(),
  windows: z.array(windowSchema),
  sustained: z
    .object({
      coldP50Us: microseconds,
      p50Us: microseconds.describe('Median of the last fifth.'),
      ratio: z.number().describe('Sustained over cold: above 1 is slower.'),
      highestTemperatureC: z.number().nullable(),
      wasThrottled: z.boolean(),
      windows: z.array(windowSchema),
    })
    .nullable(),
});

export type BenchReport = z.infer<typeof benchReportSchema>;

export function benchJsonSchema(): object {
  return z.toJSONSchema(benchReportSchema);
}
