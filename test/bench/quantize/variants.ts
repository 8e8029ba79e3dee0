/** The variants that are compared on one model: float32, ours made here, the reference's from where they lie. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { programRoot } from '../../../runtime/base/files.ts';
import { dataFolder } from '../../runtime/quantize/reference.ts';
import { type BenchCase, fileNameOf } from './bench-case.ts';
import { runQuantize } from './octet-process.ts';

export type Side = 'float32' | 'octet' | 'reference';

export type Variant = {
  /** `octet static mse`, `reference static-u8s8`. */
  readonly name: string;
  readonly side: Side;
  readonly path: string;
  readonly sizeBytes: number;
};

export type Missing = { readonly name: string; readonly reason: string };

/** Where the data of one case was written. */
export type Folders = { readonly calibration: string; readonly all: string; readonly test: string };

export const autoName = 'octet auto';

/** Words of `octet quantize`, by variant. `auto` may look at all the data that there is; `static` sees what the reference saw. */
const recipes: Readonly<Record<string, (folders: Folders) => readonly string[]>> = {
  'octet static': ({ calibration }) => ['--recipe', 'static', '--data', calibration],
  [autoName]: ({ all }) => ['--recipe', 'auto', '--data', all],
};

/** The reference's settings, as its files are named. */
export const referenceSettings = [
  'static-u8s8',
  'static-u8s8-entropy',
  'static-u8s8-percentile',
  'static-s8s8',
  'static-s8s8-entropy',
  'static-s8s8-percentile',
  'dynamic',
] as const;

export type ReferenceSetting = (typeof referenceSettings)[number];

/** What `npm run peers` keeps: the virtual environment, and models by case. */
export const peersFolder = join(programRoot(), 'node_modules/.cache/octet-peers');

export async function collectVariants(
  bench: BenchCase,
  folders: Folders,
  work: string,
): Promise<{ variants: Variant[]; missing: Missing[] }> {
  const variants = [await variantOf('float32', 'float32', bench.modelPath)];
  const missing: Missing[] = [];
  for (const [name, words] of Object.entries(recipes)) {
    const path = join(work, `${fileNameOf(bench)}.${name.replaceAll(' ', '-')}.onnx`);
    const run = await runQuantize(bench.modelPath, path, words(folders));
    if (run.ok) variants.push(await variantOf(name, 'octet', path));
    else missing.push({ name, reason: run.reason });
  }
  for (const setting of referenceSettings) {
    const path = referencePath(bench, setting);
    if (path) variants.push(await variantOf(`reference ${setting}`, 'reference', path));
  }
  return { variants, missing };
}

export async function variantOf(name: string, side: Side, path: string): Promise<Variant> {
  return { name, side, path, sizeBytes: (await stat(path)).size };
}

/** Made for the shared data, or by the peers on this machine; undefined when neither has it. */
export function referencePath(bench: BenchCase, setting: ReferenceSetting): string | undefined {
  const shared = join(dataFolder, 'reference', `${fileNameOf(bench)}.${setting}.onnx`);
  return [shared, join(peersFolder, 'models', `${fileNameOf(bench)}.${setting}.onnx`)].find(existsSync);
}
