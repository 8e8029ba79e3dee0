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

/**
 * A few calls' worth of windows, spread evenly over those held out: at most 32 calls, and 2 MiB (one call always).
 * @param batch windows in one call, one after the other along axis 0; used again where there are too few.
 */
export async function chooseFeeds(heldOut: Samples, batch = 1): Promise<readonly Feeds[]> {
  if (heldOut.count === 0) return [];
  const sizeBytes = Object.values(await heldOut.feeds(0)).reduce((sum, { data }) => sum + data.byteLength, 0);
  const calls = Math.max(1, Math.min(mostFeeds, Math.floor(mostFeedBytes / (sizeBytes * batch))));
  const chosen = evenly(heldOut, calls * batch);
  const row = (index: number) => chosen.feeds(index % chosen.count);
  return Promise.all(
    Array.from({ length: Math.ceil(chosen.count / batch) }, async (_, call) =>
      joinFeeds(await Promise.all(Array.from({ length: batch }, (_, index) => row(call * batch + index)))),
    ),
  );
}

/** Batches of one as one batch. A copy: a view would drag the whole array it shows along to the next process. */
function joinFeeds(rows: readonly Feeds[]): Feeds {
  return Object.fromEntries(
    Object.entries(rows[0]!).map(([name, { type, dims, data }]) => {
      const all = new elementTypes[type].array(data.length * rows.length);
      for (const [index, row] of rows.entries()) all.set(row[name]!.data as never, index * data.length);
      const joined = rows.length === 1 ? dims : [rows.length * (dims[0] ?? 1), ...dims.slice(1)];
      return [name, { type, dims: joined, data: all } as Tensor];
    }),
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
