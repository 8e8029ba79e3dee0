/** The forms in which a program may hand over data, made into the one form that the rest works with. */
import { OctetError } from '../../base/errors.ts';
import { openSamples } from '../../data/open-samples.ts';
import { evenly, type Samples } from '../../data/samples.ts';
import type { SessionValue } from '../../engine/session.ts';
import type { Feeds } from '../../graph/tensor.ts';

/**
 * Paths (`.npz`, folders of `.npy`), a list of the model's inputs (`[{ x: { type: 'float32', dims: [1, 3], data } }, …]`), or
 * anything that gives samples one at a time, for data that does not fit into memory.
 */
export type DataSource = string | readonly string[] | readonly Feeds[] | Samples;

/**
 * @param inputs of the model; @param most at most so many samples, spread evenly.
 * @throws DATA_INVALID, DATA_MISMATCH; USAGE for an empty list.
 */
export async function samplesFrom(
  source: DataSource,
  inputs: readonly SessionValue[],
  most = Number.POSITIVE_INFINITY,
): Promise<Samples> {
  return evenly(await allFrom(source, inputs), most);
}

async function allFrom(source: DataSource, inputs: readonly SessionValue[]): Promise<Samples> {
  if (typeof source === 'string') return openSamples(source, { inputs });
  if ('feeds' in source) return source;
  if (source.length === 0) throw new OctetError('USAGE', 'data: expected at least one path or sample, got none');
  return isPaths(source) ? openSamples(source, { inputs }) : fromList(source as readonly Feeds[]);
}

function isPaths(source: readonly (string | Feeds)[]): source is readonly string[] {
  return source.every((each) => typeof each === 'string');
}

function fromList(list: readonly Feeds[]): Samples {
  const feeds = async (index: number) => list[index]!;
  return { count: list.length, labels: undefined, feeds, description: `${list.length} samples of the program` };
}
