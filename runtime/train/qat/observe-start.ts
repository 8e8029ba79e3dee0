/** The ranges that training starts from: one pass over the samples, each tensor with the observer of its bits. */
import type { Samples } from '../../data/samples.ts';
import { evenly } from '../../data/samples.ts';
import type { Model } from '../../graph/model.ts';
import { type CustomObserver, observe } from '../../quantize/observe.ts';
import { leastSquaresObserver } from '../../quantize/observers/least-squares.ts';
import { observers } from '../../quantize/observers/observers.ts';
import type { Ranges } from '../../quantize/place/place.ts';
import type { QatRecipe, StaticRecipe } from '../../quantize/recipe.ts';
import { tensorsFor } from '../../quantize/static.ts';
import { bitsFor } from './grid.ts';

/** Scales are learned afterwards; more samples would only be slower. */
const mostSamples = 256;

/** @throws what `observe` throws. Opens a session. */
export async function observeStart(
  model: Model,
  samples: Samples,
  recipe: QatRecipe,
  settings: StaticRecipe,
  { signal }: { readonly signal?: AbortSignal },
): Promise<Ranges> {
  const tensors = tensorsFor(model, settings);
  const bitsOf = new Map([...tensors].map(([tensor, node]) => [tensor, bitsFor(recipe, node).activationBits]));
  const named = new Map([...new Set(bitsOf.values())].map((bits) => [bits, observerFor(recipe, bits)]));
  const observation = await observe(model, [...tensors.keys()], evenly(samples, mostSamples), {
    observers: [...named.values()],
    ...(signal ? { signal } : {}),
  });
  const ranges = [...bitsOf].flatMap(([tensor, bits]) => {
    const range = observation.get(named.get(bits)!.name)?.get(tensor);
    return range ? [[tensor, range] as const] : [];
  });
  return new Map(ranges);
}

function observerFor({ observer }: QatRecipe, bits: number): CustomObserver {
  const create = observer === 'mse' ? () => leastSquaresObserver(2 ** bits - 1) : observers[observer];
  return { name: `${observer} ${bits} bits`, create };
}
