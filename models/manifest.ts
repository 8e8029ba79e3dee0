/**
 * What a deployable model is: a folder (MODEL_DIR) with `manifest.json`, the ONNX file it names and, optionally, a second
 * ONNX graph that turns a window of samples into the model's input. The manifest is the only description there is, and it
 * carries the digest of every other file, so signing the manifest signs the model.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { OctetError } from '../runtime/base/errors.ts';
import { readError, sha256OfFile } from '../runtime/base/files.ts';
import { parseJson, readJson } from '../runtime/base/json.ts';
import {
  type Budget,
  budgetSchema,
  type Pipeline,
  pipelineSchema,
  type Task,
  taskSchema,
} from '../runtime/data/pipeline.ts';

export const manifestFile = 'manifest.json';

/** A plain name that starts with a letter or digit: it cannot leave the folder, be hidden, or be the manifest itself. */
const onnxFileName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.onnx$/, 'expected the plain name of an .onnx file in the same folder');

const fileSchema = z.strictObject({
  file: onnxFileName.describe('Name of the file, in the same folder'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits')
    .describe('SHA-256 of the file'),
  sizeBytes: z.int().positive().describe('Size of the file, bytes'),
});

const provenanceSchema = z.strictObject({
  data: z.string().describe('What the model was trained on, with its licence'),
  training: z.string().optional().describe('How it was trained, or where that is written down'),
  accuracy: z.string().optional().describe('What it reached, on which data, with its confidence interval'),
  source: z.string().optional().describe('Where the model or its authors can be found'),
});

export const manifestSchema = z
  .strictObject({
    format: z.literal(1).describe('Version of this format'),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected 1 to 63 of a-z 0-9 -')
      .describe('What deployments call the model'),
    version: z
      .string()
      .regex(
        /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/,
        'expected a version like 1.2.0 or 1.2.0-rc.1',
      )
      .describe('Semantic version: the same name and version never mean other bytes'),
    description: z.string().min(1).describe('One sentence for people'),
    license: z.string().min(1).describe('SPDX expression of the model, weights included'),
    model: fileSchema.describe('The float32 ONNX model'),
    features: fileSchema.optional().describe('ONNX graph: window [samples, channels] → model input'),
    input: z.strictObject({
      name: z.string().min(1).describe("Name of the model's input"),
      dims: z.array(z.int().positive()).min(1).describe('Its shape, batch of 1 first'),
    }),
    pipeline: pipelineSchema,
    task: taskSchema,
    budget: budgetSchema.prefault({}),
    provenance: provenanceSchema,
  })
  .refine(({ model, features }) => features === undefined || features.file !== model.file, {
    path: ['features', 'file'],
    error: "expected another file than the model's",
  });

export type Manifest = z.output<typeof manifestSchema>;

/** A file that a manifest names: plain name, SHA-256 (hex), size in bytes. */
export type ManifestFile = z.output<typeof fileSchema>;

/** A model folder as its manifest describes it; paths are ready to use. */
export type ModelFolder = {
  readonly manifest: Manifest;
  readonly modelPath: string;
  readonly featuresPath?: string;
  readonly pipeline: Pipeline;
  readonly task: Task;
  readonly budget: Budget;
  readonly name: string;
  readonly version: string;
};

/**
 * Reads `<folder>/manifest.json`. Looks at no other file: `verifyModelFolder` does.
 * @throws FILE_NOT_FOUND, MANIFEST_INVALID with every problem by its path.
 */
export async function readManifest(folder: string): Promise<ModelFolder> {
  const path = join(folder, manifestFile);
  const manifest = await readJson(path, manifestSchema, expectation(path));
  const { name, version, pipeline, task, budget, features } = manifest;
  return {
    manifest,
    modelPath: join(folder, manifest.model.file),
    ...(features === undefined ? {} : { featuresPath: join(folder, features.file) }),
    pipeline,
    task,
    budget,
    name,
    version,
  };
}

/** A manifest from its text. @throws MANIFEST_INVALID with every problem; `where` names the document in the message. */
export function parseManifest(text: string, where: string): Manifest {
  return parseJson(text, manifestSchema, expectation(where));
}

/** The files a manifest names, without the manifest itself. */
export function filesOf({ model, features }: Manifest): ManifestFile[] {
  return features === undefined ? [model] : [model, features];
}

/**
 * Reads a model folder and checks that each named file is there with the stated size and digest.
 * @throws FILE_NOT_FOUND, MANIFEST_INVALID with every file that differs, and what it should have said.
 */
export async function verifyModelFolder(folder: string): Promise<ModelFolder> {
  const read = await readManifest(folder);
  const problems = (await Promise.all(filesOf(read.manifest).map((file) => problemsOf(folder, file)))).flat();
  if (problems.length > 0)
    throw new OctetError('MANIFEST_INVALID', `${join(folder, manifestFile)}: ${problems.join('; ')}`, {
      hint: `If the files are the ones you mean, write their digests into the manifest: octet models manifest ${folder}`,
    });
  return read;
}

/** The manifest as JSON Schema (draft 2020-12), for editors and documentation. */
export function manifestJsonSchema(): object {
  return z.toJSONSchema(manifestSchema, { io: 'input' });
}

/** Size (bytes) and SHA-256 of a file as it is now. @throws FILE_NOT_FOUND, FILE_UNREADABLE */
export async function measureFile(path: string): Promise<{ sizeBytes: number; sha256: string }> {
  try {
    return { sizeBytes: (await stat(path)).size, sha256: await sha256OfFile(path) };
  } catch (error) {
    throw readError(path, 'model file', error);
  }
}

async function problemsOf(folder: string, { file, sha256, sizeBytes }: ManifestFile): Promise<string[]> {
  const actual = await measureFile(join(folder, file));
  if (actual.sizeBytes !== sizeBytes) return [`${file}: expected ${sizeBytes} bytes, got ${actual.sizeBytes}`];
  return actual.sha256 === sha256 ? [] : [`${file}: expected SHA-256 ${sha256}, got ${actual.sha256}`];
}

function expectation(where: string) {
  return {
    code: 'MANIFEST_INVALID',
    what: `manifest ${where}`,
    hint: 'A manifest is described by: octet models manifest --schema',
  } as const;
}
