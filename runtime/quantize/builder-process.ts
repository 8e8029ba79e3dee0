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
import type { BuilderEvent, BuildRequest, BuiltVariant } from './messages.ts';
import { modelInputs, prepareModel } from './prepare/prepare.ts';
import { buildVariant, observeFor } from './quantize.ts';
import type { Recipe } from './recipe.ts';
import { originOf, writeVariant } from './variant-files.ts';
import type { Quantized } from './verify/settle.ts';

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
  const model = await prepareModel(request.modelPath);
  const samples = await calibrationSamples(request, model);
  const progress = progressSender(send);
  const observation = await observeFor(model, request.recipes, samples, {
    onProgress: (fraction, detail) => progress(fraction * observingShare, detail),
  });
  for (const [index, recipe] of request.recipes.entries()) {
    const fraction = observingShare + ((1 - observingShare) * index) / request.recipes.length;
    await send({ kind: 'progress', fraction, detail: `building ${recipe.name}` });
    const result = await buildVariant(model, recipe, samples, observation);
    await send(
      result.ok
        ? { kind: 'built', variant: await store(request, recipe, samples, result) }
        : { kind: 'skipped', recipe, reason: result.reason },
    );
  }
}

async function store(
  { modelPath, outFolder }: BuildRequest,
  recipe: Recipe,
  samples: Samples | undefined,
  { bytes, outcomes }: Extract<Quantized, { ok: true }>,
): Promise<BuiltVariant> {
  const sha256 = sha256Of(bytes);
  const path = join(outFolder, `${sha256}.onnx`);
  const recipePath = join(outFolder, `${sha256}.recipe.json`);
  await writeVariant(path, recipePath, bytes, await originOf(recipe, modelPath, samples));
  return { name: recipe.name, path, sha256, sizeBytes: bytes.byteLength, recipe, outcomes };
}

/** Held-out samples judge, so they never calibrate. */
async function calibrationSamples(request: BuildRequest, model: Model): Promise<Samples | undefined> {
  if (!request.recipes.some(({ kind }) => kind === 'static')) return undefined;
  const { task, pipeline, featuresPath, data, maxSamples } = request;
  const samples = await openSamples(data, {
    inputs: modelInputs(model),
    ...(task ? { task } : {}),
    ...(pipeline ? { pipeline } : {}),
    ...(featuresPath ? { featuresPath } : {}),
  });
  return evenly(splitHeldOut(samples).calibration, maxSamples);
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
