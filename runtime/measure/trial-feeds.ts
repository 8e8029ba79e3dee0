/**
 * What a trial feeds its model: real held-out windows, prepared beforehand and rotated through, because real values (zeros
 * after ReLU, denormals, saturation) and warm caches for one single input would both flatter. Synthetic ones only where there is no data.
 */

import { openSamples } from '../data/open-samples.ts';
import { evenly, type Samples, splitHeldOut } from '../data/samples.ts';
import type { Session, SessionValue } from '../engine/session.ts';
import { elementCount, elementTypes, type Feeds, type Tensor } from '../graph/tensor.ts';
import type { TrialData } from './messages.ts';
import type { Call } from './timing.ts';

/** Enough to differ, few enough not to show in the memory figure. */
const mostFeeds = 32;
const mostFeedBytes = 2 * 1024 * 1024;

/** The windows that judge. @throws DATA_INVALID, DATA_MISMATCH */
export async function openHeldOut(
  { paths, task, pipeline, featuresPath }: TrialData,
  session: Session,
): Promise<Samples> {
  const samples = await openSamples(paths, {
    inputs: session.inputs,
    ...(task === undefined ? {} : { task }),
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(featuresPath === undefined ? {} : { featuresPath }),
  });
  return splitHeldOut(samples).heldOut;
}

/** A few windows spread evenly over those held out: at most 32, and 2 MiB (one window always). */
export async function chooseFeeds(heldOut: Samples): Promise<readonly Feeds[]> {
  if (heldOut.count === 0) return [];
  const sizeBytes = Object.values(await heldOut.feeds(0)).reduce((sum, { data }) => sum + data.byteLength, 0);
  const chosen = evenly(heldOut, Math.max(1, Math.min(mostFeeds, Math.floor(mostFeedBytes / sizeBytes))));
  // A copy each: a view would drag the whole array it shows along to the next process.
  const copy = (feeds: Feeds) =>
    Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]));
  return Promise.all(
    Array.from({ length: chosen.count }, async (_, index) => copy(await chosen.feeds(index)) as Feeds),
  );
}

/** A call that takes the feeds in turn. */
export function rotatingCall(session: Session, feeds: readonly Feeds[]): Call {
  let next = 0;
  return () => session.run(feeds[next++ % feeds.length]!);
}

/** One feed of the inputs' stated shapes, free sizes 1; a fixed pattern in −1 to 1 for floats, zeros for integers. */
export function syntheticFeeds(inputs: readonly SessionValue[]): Feeds {
  return Object.fromEntries(inputs.map((input) => [input.name, syntheticTensor(input)]));
}

function syntheticTensor({ type = 'float32', dims = [] }: SessionValue): Tensor {
  const sizes = dims.map((size) => (typeof size === 'number' && size > 0 ? size : 1));
  const data = new elementTypes[type].array(elementCount(sizes));
  if (data instanceof Float32Array || data instanceof Float64Array)
    for (let index = 0; index < data.length; index++) data[index] = Math.sin(index);
  return { type, dims: sizes, data } as Tensor;
}
