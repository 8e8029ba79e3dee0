/** Has variants built in builder processes: the recipes of a list in one, the search for the fastest form in another. */

import { join } from 'node:path';
import { OctetError } from '../base/errors.ts';
import type { PrepareResult } from '../measure/messages.ts';
import type { BuilderRecipe } from '../quantize/auto/composed-recipe.ts';
import { buildVariants } from '../quantize/builder.ts';
import type { FastTypes } from '../quantize/fast-types.ts';
import type { BuilderEvent, BuildRequest, BuiltVariant } from '../quantize/messages.ts';
import type { Excluded } from './candidates.ts';
import type { VariantFile } from './measured.ts';
import type { SelectionProgress, SelectionRequest } from './selection.ts';

/** Ranges settle within a few hundred windows; more cost time and change no decision. */
const calibrationSamples = 512;

export type Building = {
  readonly request: SelectionRequest;
  readonly prepared: PrepareResult;
  readonly onProgress: (progress: SelectionProgress) => void;
  readonly signal: AbortSignal | undefined;
  /** Scheduling niceness of all that is started, 0 to 19. */
  readonly niceness: number;
};

export type BuiltFiles = { readonly files: readonly VariantFile[]; readonly skipped: readonly Excluded[] };

/** @throws what is wrong with model or data; the signal's reason. A builder that dies costs what it had not written yet. */
export function buildRecipes(building: Building, recipes: readonly BuilderRecipe[]): Promise<BuiltFiles> {
  return build(
    building,
    { recipes },
    recipes.map(({ name }) => name),
  );
}

/** How many of the fastest forms found are measured. */
const searchedForms = 2;

/** The fastest forms that decide like float32, found by timing whole alternatives for `searchMs`. */
export function searchForms(
  building: Building,
  { activation, reduceRange }: FastTypes,
  searchMs: number,
): Promise<BuiltFiles> {
  const { budget, threads } = building.request;
  const search = { activation, reduceRange, budget, threads, searchMs, forms: searchedForms };
  return build(building, { recipes: [], search }, ['auto']);
}

async function build(
  { request, prepared, onProgress, signal, niceness }: Building,
  what: Pick<BuildRequest, 'recipes' | 'search'>,
  names: readonly string[],
): Promise<BuiltFiles> {
  const [files, skipped]: [VariantFile[], Excluded[]] = [[], []];
  if (names.length === 0) return { files, skipped };
  const onEvent = (event: BuilderEvent) => {
    if (event.kind === 'progress') onProgress({ phase: 'calibrating', fraction: event.fraction, detail: event.detail });
    if (event.kind === 'built') files.push(fileFrom(event.variant));
    if (event.kind === 'skipped') skipped.push({ name: event.name, reason: event.reason });
  };
  try {
    await buildVariants(orderFrom(request, prepared, what), { onEvent, niceness, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (!isChildFault(error)) throw error;
    const done = new Set([...files, ...skipped].map(({ name }) => name));
    for (const name of names) if (!done.has(name)) skipped.push({ name, reason: error.message });
  }
  return { files, skipped };
}

function orderFrom(
  { modelPath, featuresPath, pipeline, task, data, workFolder }: SelectionRequest,
  prepared: PrepareResult,
  what: Pick<BuildRequest, 'recipes' | 'search'>,
): Omit<BuildRequest, 'kind'> {
  const known = task ?? prepared.task;
  return {
    modelPath,
    data,
    outFolder: join(workFolder, 'variants'),
    maxSamples: calibrationSamples,
    ...what,
    ...(featuresPath === undefined ? {} : { featuresPath }),
    ...(pipeline ? { pipeline } : {}),
    ...(known ? { task: known } : {}),
  };
}

function fileFrom({ name, path, sha256, sizeBytes, recipe, outcomes }: BuiltVariant): VariantFile {
  return { name, path, sha256, sizeBytes, recipe, outcomes };
}

function isChildFault(error: unknown): error is OctetError {
  return error instanceof OctetError && (error.code === 'CHILD_FAILED' || error.code === 'CHILD_TIMEOUT');
}

/** Two recipes can come to the same bytes; the simpler one is measured. @param files from simple to involved. */
export function withoutTwins(files: readonly VariantFile[]): BuiltFiles {
  const first = ({ sha256 }: VariantFile) => files.find((other) => other.sha256 === sha256)!;
  return {
    files: files.filter((file) => first(file) === file),
    skipped: files
      .filter((file) => first(file) !== file)
      .map((file) => ({ name: file.name, reason: `the same bytes as ${first(file).name}` })),
  };
}
