/** One contender of a selection as the evidence keeps it: a variant under session settings, its figures and its fate. */
import { z } from 'zod';
import { sessionSettingsSchema } from '../measure/session-settings.ts';
import { anyRecipeSchema } from '../quantize/auto/composed-recipe.ts';

export const digest = z.string().regex(/^[0-9a-f]{64}$/);
export const bytes = z.number().nonnegative().describe('bytes');
export const microseconds = z.number().nonnegative().describe('microseconds');

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

export const estimateSchema = z
  .object({ value: z.number(), low: z.number(), high: z.number() })
  .describe('A figure with its two-sided 95 % interval.');

const latencySchema = z.object({
  p50Us: microseconds,
  p90Us: microseconds,
  p95Us: microseconds,
  p99Us: microseconds,
  meanUs: microseconds,
  calls: z.int(),
  quantilesUs: z
    .array(microseconds)
    .length(101)
    .describe('The distribution: the values below which 0, 1, 2, … 100 per cent of the calls lie.'),
});

const energySchema = z.object({
  meter: z.string(),
  covers: z.enum(['board', 'processor', 'part']),
  watts: z.number(),
  joulesPerSample: estimateSchema,
});

/** In a process of its own: what it costs to load and to keep. */
const aloneSchema = z.object({
  loadMs: z.number(),
  firstUs: microseconds,
  latency: latencySchema,
  throughputPerSecond: z.number(),
  peakBytes: bytes,
  pssBytes: bytes.nullable(),
  energy: energySchema.nullable(),
  isStable: z.boolean(),
  ...around,
});

/** In one process with float32 under the usual settings, in alternating blocks. Times are of one call. */
const pairedSchema = z.object({
  float32: latencySchema,
  variant: latencySchema,
  callsPerBlock: z.int(),
  isStable: z.boolean(),
  blocks: z
    .array(
      z.object({
        float32P50Us: microseconds,
        variantP50Us: microseconds,
        float32MeanUs: microseconds,
        variantMeanUs: microseconds,
      }),
    )
    .describe('Every round of every comparison as it was measured; even ones of each began with float32.'),
  speedup: estimateSchema.describe("float32's time for a sample over this contender's, from medians."),
  throughputGain: estimateSchema.describe('The same from means.'),
  ...around,
});

const accuracySchema = z.object({
  verdict: z.enum(['within', 'exceeded', 'insufficient']),
  metric: z.enum(['net loss', 'changed', 'error']),
  value: z.number().describe('As measured, a share.'),
  bound: z.number().describe('Its upper 95 % confidence bound.'),
  limit: z.number(),
  windows: z.int(),
  moreWindows: z.int().nullable(),
  accuracy: z.number().nullable(),
  baselineAccuracy: z.number().nullable(),
  agreement: z.number().nullable(),
  discordance: z.object({ lost: z.int(), gained: z.int(), total: z.int() }).nullable(),
});

/** What became of a contender. */
export const fates = {
  chosen: 'it is the answer',
  beaten: 'it met every constraint, and another was better or simpler',
  refused: 'it misses a hard constraint',
  left: 'it left the race early, because others were clearly ahead',
  failed: 'its trial failed, or it could not be built',
  untimed: 'there was no time left for it',
} as const;
export type Fate = keyof typeof fates;

export const trialEvidenceSchema = z.object({
  name: z
    .string()
    .describe('Unique within the record: the variant, and its settings where they differ from the usual.'),
  variant: z.string(),
  settings: sessionSettingsSchema,
  sha256: digest,
  sizeBytes: bytes,
  recipe: anyRecipeSchema.nullable().describe('Null for float32.'),
  nodes: z
    .array(
      z.object({ node: z.string(), opType: z.string(), kernel: z.string().optional(), reason: z.string().optional() }),
    )
    .describe('Integer kernel, or reason for staying float, by node; given once for each variant.'),
  alone: aloneSchema.nullable(),
  paired: pairedSchema
    .nullable()
    .describe('The longest comparison with float32; null for float32 under the usual settings.'),
  accuracy: accuracySchema.nullable(),
  failure: z.string().nullable(),
  fate: z.enum(Object.keys(fates) as [Fate, ...Fate[]]),
  reason: z.string().describe('Why it was chosen, or why not.'),
});

export type TrialEvidence = z.output<typeof trialEvidenceSchema>;
