/**
 * The record of a selection: every figure with the conditions it was taken under, so that a choice can be explained and
 * checked long after. Written once, named by the digest of what was chosen.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../base/files.ts';
import { recipeSchema } from '../quantize/recipe.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.number().nonnegative().describe('bytes');
const microseconds = z.number().nonnegative().describe('microseconds');

const conditionsSchema = z.object({
  temperatureC: z.number().nullable(),
  sensor: z.string().nullable(),
  throttled: z.array(z.string()).readonly().nullable(),
  throttledSinceBoot: z.array(z.string()).readonly().nullable(),
  frequencyMHz: z.number().nullable(),
  maxFrequencyMHz: z.number().nullable(),
  governor: z.string().nullable(),
  load1: z.number(),
});
const around = { before: conditionsSchema, after: conditionsSchema };

const latencySchema = z.object({
  p50Us: microseconds,
  p90Us: microseconds,
  p99Us: microseconds,
  meanUs: microseconds,
  calls: z.int(),
});

const aloneSchema = z.object({
  loadMs: z.number(),
  firstUs: microseconds,
  latency: latencySchema,
  throughputPerSecond: z.number(),
  peakBytes: bytes,
  pssBytes: bytes.nullable(),
  isStable: z.boolean(),
  ...around,
});

const pairedSchema = z.object({
  float32: latencySchema,
  variant: latencySchema,
  callsPerBlock: z.int(),
  isStable: z.boolean(),
  /** `[float32 p50, variant p50]` of each round, microseconds; even rounds start with float32. */
  blockMediansUs: z.array(z.tuple([microseconds, microseconds])),
  ...around,
});

const trialSchema = z.object({
  variant: z.string(),
  sha256: digest,
  sizeBytes: bytes,
  recipe: recipeSchema.nullable(),
  /** Integer kernel or reason for staying float, by node. */
  nodes: z.array(
    z.object({ node: z.string(), opType: z.string(), kernel: z.string().optional(), reason: z.string().optional() }),
  ),
  alone: aloneSchema.nullable(),
  paired: pairedSchema.nullable(),
  accuracy: z.looseObject({ verdict: z.string(), value: z.number(), bound: z.number() }).nullable(),
  failure: z.string().nullable(),
  chosen: z.boolean(),
  reason: z.string(),
});

export const evidenceSchema = z.object({
  format: z.literal(1),
  /** Unix time, milliseconds. */
  createdMs: z.number(),
  durationMs: z.number(),
  verdict: z.string(),
  outcome: z.enum(['met', 'closest']),
  chosenSha256: digest,
  model: z.object({ sha256: digest, featuresSha256: digest.nullable() }),
  data: z.object({ paths: z.array(z.string()), heldOut: z.string(), heldOutWindows: z.int() }),
  settings: z.object({
    objective: z.string(),
    threads: z.int(),
    memoryBytes: z.number().nullable(),
    maxDrop: z.number(),
    maxDisagreement: z.number(),
  }),
  environment: z.object({
    octet: z.string(),
    node: z.string(),
    onnxRuntime: z.string(),
    board: z.string(),
    soc: z.string(),
    kernel: z.string(),
    arch: z.string(),
    cores: z.int(),
    cpuFeatures: z.array(z.string()),
  }),
  /** Peak memory of a model of one node, measured like the others. */
  floorBytes: bytes,
  /** What makes the figures doubtful: throttling, heat. */
  doubts: z.array(z.string()),
  trials: z.array(trialSchema),
  excluded: z.array(z.object({ variant: z.string(), reason: z.string() })),
});

export type Evidence = z.output<typeof evidenceSchema>;
export type TrialEvidence = z.output<typeof trialSchema>;

/** @returns the path, `<folder>/<sha256 of what was chosen>.json`. @throws DISK_FULL, WRITE_FAILED */
export async function writeEvidence(folder: string, evidence: Evidence): Promise<string> {
  const path = join(folder, `${evidence.chosenSha256}.json`);
  await writeFileAtomic(path, `${JSON.stringify(evidenceSchema.parse(evidence), null, 2)}\n`);
  return path;
}
