/**
 * The record of a selection: every figure with the conditions it was taken under and everything needed to run it again, so that a
 * choice can be explained, checked and repeated long after. Written once, named by the digest of what was chosen.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../base/files.ts';
import { readJson } from '../base/json.ts';
import { pipelineSchema, taskSchema } from '../data/pipeline.ts';
import { sessionSettingsSchema } from '../measure/session-settings.ts';
import { objectives } from './selection.ts';
import { bytes, digest, microseconds, trialEvidenceSchema } from './trial-evidence.ts';

/** What was asked for. Null is no limit. */
const demandsSchema = z.object({
  objective: z.enum(objectives),
  latencyP95Us: microseconds.nullable(),
  memoryBytes: bytes.nullable(),
  memoryIncrementBytes: bytes.nullable(),
  maxDrop: z.number(),
  maxDisagreement: z.number(),
  timeMs: z.number().describe('The time that the selection might take.'),
  usual: sessionSettingsSchema.describe('The settings of the float32 that everything is compared with.'),
  searched: z.boolean().describe('Whether other session settings were tried, too.'),
});

const searchSchema = z.object({
  mode: z
    .enum(['full', 'confirmation', 'contradicted', 'repeat'])
    .describe('contradicted: another record was to be confirmed, was not, and the whole search followed.'),
  note: z.string().describe('In words; empty for a plain search.'),
  reference: z
    .object({ board: z.string(), createdMs: z.number(), chosen: z.string(), chosenSha256: digest })
    .nullable()
    .describe('The record that was confirmed or repeated.'),
  rounds: z.array(
    z.object({
      atMs: z.number(),
      budgetMs: z.number().describe('For each comparison.'),
      contenders: z.array(z.string()),
    }),
  ),
});

export const evidenceSchema = z.object({
  format: z.literal(2),
  createdMs: z.number().describe('Unix time, milliseconds.'),
  durationMs: z.number(),
  spentMs: z.object({ preparing: z.number(), building: z.number(), searching: z.number(), measuring: z.number() }),
  outcome: z.enum(['met', 'closest']),
  verdict: z.string(),
  chosen: z.string().describe('The name of a trial.'),
  chosenSha256: digest,
  model: z.object({
    path: z.string(),
    sha256: digest,
    featuresPath: z.string().nullable(),
    featuresSha256: digest.nullable(),
    task: taskSchema.nullable(),
    pipeline: pipelineSchema.nullable(),
  }),
  data: z.object({ paths: z.array(z.string()), sha256: digest, heldOut: z.string(), heldOutWindows: z.int() }),
  demands: demandsSchema,
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
  timeline: z
    .array(
      z.object({
        atMs: z.number().describe('Since the selection began.'),
        temperatureC: z.number().nullable(),
        frequencyMHz: z.number().nullable(),
        load1: z.number(),
        throttled: z.array(z.string()),
      }),
    )
    .describe('The conditions, about once a second.'),
  floorBytes: bytes.describe('Peak memory of a model of one node, measured like the others.'),
  doubts: z.array(z.string()).describe('What makes the figures doubtful: throttling, heat.'),
  search: searchSchema,
  trials: z
    .array(trialEvidenceSchema)
    .describe('float32 under the usual settings first, then from simple to involved.'),
  excluded: z.array(z.object({ variant: z.string(), reason: z.string() })).describe('What was not tried, and why.'),
});

export type Evidence = z.output<typeof evidenceSchema>;

/** @throws FILE_NOT_FOUND, FILE_UNREADABLE, EVIDENCE_INVALID naming what is wrong where. */
export function readEvidence(path: string): Promise<Evidence> {
  const hint =
    'Expected a record that octet select wrote, <folder>/evidence/<sha256>.json; one of an older version must be made again.';
  return readJson(path, evidenceSchema, { code: 'EVIDENCE_INVALID', what: `evidence ${path}`, hint });
}

/** @returns the path, `<folder>/<sha256 of what was chosen>.json`. @throws DISK_FULL, WRITE_FAILED */
export async function writeEvidence(folder: string, evidence: Evidence): Promise<string> {
  const path = join(folder, `${evidence.chosenSha256}.json`);
  await writeFileAtomic(path, `${JSON.stringify(evidenceSchema.parse(evidence), null, 2)}\n`);
  return path;
}
