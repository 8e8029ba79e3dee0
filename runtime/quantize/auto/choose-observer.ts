/**
 * Which observer's ranges `auto` builds on: the one whose int8 model is nearest to float32 on samples that gave it no ranges. They are a
 * part of the calibration samples, so the windows that judge in the end have not been looked at.
 */
import type { Samples } from '../../data/samples.ts';
import { evenly } from '../../data/samples.ts';
import { openSession, type Session } from '../../engine/session.ts';
import type { Model } from '../../graph/model.ts';
import { encodeModel } from '../../graph/save.ts';
import type { Feeds } from '../../graph/tensor.ts';
import { outputErrorMeter } from '../accuracy/output-error.ts';
import { buildVariant, observeFor } from '../quantize.ts';
import type { ObserverName, StaticRecipe } from '../recipe.ts';

/** Of equals, the first. */
export const candidateObservers = ['min-max', 'mse', 'percentile'] as const satisfies readonly ObserverName[];

/** One sample in four compares; the others give ranges. */
const foldSize = 4;
const mostCompared = 64;

/** @param model prepared. Opens sessions. @throws what observing and running throw. */
export async function chooseObserver(
  model: Model,
  part: StaticRecipe,
  calibration: Samples,
  signal?: AbortSignal,
): Promise<ObserverName> {
  const [first] = candidateObservers;
  const { ranging, comparing } = folds(calibration);
  if (ranging.count === 0 || comparing.count === 0) return first;
  const recipes = candidateObservers.map((observer) => ({ ...part, observer }));
  const observation = await observeFor(model, recipes, ranging, signal ? { signal } : {});
  const noise: number[] = [];
  for (const recipe of recipes) {
    const built = await buildVariant(model, recipe, ranging, observation);
    if (!built.ok) return first;
    noise.push(await noiseOf(encodeModel(model), built.bytes, evenly(comparing, mostCompared)));
  }
  return candidateObservers[noise.indexOf(Math.min(...noise))] ?? first;
}

function folds(samples: Samples): { ranging: Samples; comparing: Samples } {
  const comparing = Math.floor(samples.count / foldSize);
  const pick = (count: number, at: (index: number) => number): Samples => ({
    count,
    labels: undefined,
    feeds: (index) => samples.feeds(at(index)),
    description: samples.description,
  });
  return {
    comparing: pick(comparing, (index) => foldSize * index + foldSize - 1),
    ranging: pick(
      samples.count - comparing,
      (index) => index + Math.min(comparing, Math.floor(index / (foldSize - 1))),
    ),
  };
}

/** Power of the difference over power of the output. */
async function noiseOf(exactModel: Uint8Array, quantizedModel: Uint8Array, samples: Samples): Promise<number> {
  const [exact, quantized] = [await openSession(exactModel), await openSession(quantizedModel)];
  const meter = outputErrorMeter();
  for (let index = 0; index < samples.count; index++) {
    const feeds = await samples.feeds(index);
    meter.add(await answersOf(exact, feeds), await answersOf(quantized, feeds));
  }
  await Promise.all([exact.close(), quantized.close()]);
  return meter.error().noise;
}

/** All float32 outputs, one after the other. */
async function answersOf(session: Session, feeds: Feeds): Promise<number[]> {
  const results = await session.run(feeds);
  return session.outputs.flatMap(({ name, type }) =>
    type === 'float32' ? [...(results[name]!.data as Float32Array)] : [],
  );
}
