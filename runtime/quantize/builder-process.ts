/**
 * The builder: a child process that calibrates once, applies each recipe of one request, writes the variants and ends. A
 * process of its own, because ONNX Runtime blocks its event loop and does not give all its memory back.
 */
import { join } from 'node:path';
import { endWithParent } from '../base/children.ts';
import { errorRecordFrom } from '../base/errors.ts';
import { sha256Of } from '../base/files.ts';
import { openSamples } from '../data/open-samples.ts';
import { evenly, type Samples, splitHeldOut } from '../data/samples.ts';
import type { Model } from '../graph/model.ts';
import { findFastForms } from './auto/auto.ts';
import type { AnyRecipe } from './auto/composed-recipe.ts';
import { calibrationOf, repeatComposed } from './auto/repeat.ts';
import type { BuilderEvent, BuildRequest, BuiltVariant, FormSearch, NodeOutcome } from './messages.ts';
import { modelInputs, prepareModel } from './prepare/prepare.ts';
import { buildVariant, observeFor } from './quantize.ts';
import { originOf, readsSamples, writeVariant } from './variant-files.ts';

type Send = (event: BuilderEvent) => Promise<void>;

/** Serves one request of the parent process, then ends the process. */
export async function main(): Promise<void> {
  endWithParent();
  const request = await new Promise<BuildRequest>((resolve) => process.once('message', resolve));
  try {
    await build(request, sendToParent);
    await sendToParent({ kind: 'done' });
  } catch (error) {
    await sendToParent({ kind: 'failed', error: errorRecordFrom(error) });
  }
  process.disconnect();
}

/** Observing is most of the work; the rest is shared evenly by the recipes. */
const observingShare = 0.8;

async function build(request: BuildRequest, send: Send): Promise<void> {
  const { modelPath, search } = request;
  const model = await prepareModel(modelPath);
  const all = needsSamples(request) ? await openAll(request, model) : undefined;
  await buildPlain(request, model, all && evenly(splitHeldOut(all).calibration, request.maxSamples), send);
  for (const recipe of request.recipes)
    if (recipe.kind === 'composed') {
      await send({ kind: 'progress', fraction: observingShare, detail: `building ${recipe.name}` });
      const built = await repeatComposed(modelPath, all, recipe);
      await send({ kind: 'built', variant: await store(request, recipe, all && calibrationOf(all, recipe), built) });
    }
  if (search && all) await buildSearched(request, search, all, send);
}

/** Recipes that are made from one observation. */
async function buildPlain(
  request: BuildRequest,
  model: Model,
  samples: Samples | undefined,
  send: Send,
): Promise<void> {
  const recipes = request.recipes.filter((recipe) => recipe.kind !== 'composed');
  if (recipes.length === 0) return;
  const progress = progressSender(send);
  const observation = await observeFor(model, recipes, samples, {
    onProgress: (fraction, detail) => progress(fraction * observingShare, detail),
  });
  for (const [index, recipe] of recipes.entries()) {
    const fraction = observingShare + ((1 - observingShare) * index) / recipes.length;
    await send({ kind: 'progress', fraction, detail: `building ${recipe.name}` });
    const result = await buildVariant(model, recipe, samples, observation);
    await send(
      result.ok
        ? { kind: 'built', variant: await store(request, recipe, samples, result) }
        : { kind: 'skipped', name: recipe.name, reason: result.reason },
    );
  }
}

/** The fastest forms that a search finds. */
async function buildSearched(request: BuildRequest, search: FormSearch, samples: Samples, send: Send): Promise<void> {
  const { modelPath, task, maxSamples } = request;
  const { forms, ...options } = search;
  const onProgress = progressSender(send);
  const found = await findFastForms(
    modelPath,
    samples,
    { ...options, samples: maxSamples, onProgress, ...(task ? { task } : {}) },
    forms,
  );
  for (const [at, { recipe, ...built }] of found.entries()) {
    const named = { ...recipe, name: at === 0 ? 'auto' : `auto-${at + 1}` };
    await send({ kind: 'built', variant: await store(request, named, calibrationOf(samples, named), built) });
  }
  if (found.length === 0)
    await send({ kind: 'skipped', name: 'auto', reason: 'no other form that it found was faster and decided alike' });
}

async function store(
  { modelPath, outFolder }: BuildRequest,
  recipe: AnyRecipe,
  samples: Samples | undefined,
  { bytes, outcomes }: { readonly bytes: Uint8Array; readonly outcomes: readonly NodeOutcome[] },
): Promise<BuiltVariant> {
  const sha256 = sha256Of(bytes);
  const path = join(outFolder, `${sha256}.onnx`);
  const recipePath = join(outFolder, `${sha256}.recipe.json`);
  await writeVariant(path, recipePath, bytes, await originOf(recipe, modelPath, samples));
  return { name: recipe.name, path, sha256, sizeBytes: bytes.byteLength, recipe, outcomes };
}

function needsSamples({ recipes, search }: BuildRequest): boolean {
  return search !== undefined || recipes.some(readsSamples);
}

/** All of the data; each recipe takes the part that is not held out, because what judges never calibrates. */
function openAll({ task, pipeline, featuresPath, data }: BuildRequest, model: Model): Promise<Samples> {
  return openSamples(data, {
    inputs: modelInputs(model),
    ...(task ? { task } : {}),
    ...(pipeline ? { pipeline } : {}),
    ...(featuresPath ? { featuresPath } : {}),
  });
}

/** Progress, at most ten times a second. */
function progressSender(send: Send): (fraction: number, detail: string) => void {
  let lastMs = 0;
  return (fraction, detail) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < 100) return;
    lastMs = nowMs;
    void send({ kind: 'progress', fraction, detail });
  };
}

function sendToParent(event: BuilderEvent): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(event, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}
