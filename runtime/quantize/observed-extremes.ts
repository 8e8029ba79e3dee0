/**
 * Only the extremes of each activation, found by ONNX Runtime itself: no tensor leaves it, and each is freed as soon as its last
 * reader is done, so that a large model takes the memory of its widest place instead of the sum of all.
 */
import { OctetError } from '../base/errors.ts';
import { releaseMemory } from '../base/release-memory.ts';
import { checkFeeds } from '../engine/check-feeds.ts';
import { openModel } from '../engine/open-model.ts';
import type { Session } from '../engine/session.ts';
import { int } from '../graph/attributes.ts';
import { node, valueInfo } from '../graph/build.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds, Tensor } from '../graph/tensor.ts';
import { exposeValues } from './bodies/expose-values.ts';
import type { Range } from './numerics.ts';
import { type Activations, observingOptions, openValues, type Show, showValues } from './observed-values.ts';
import { extremesOf } from './observers/extremes.ts';

/** @throws as `openValues`. Opens sessions. */
export async function openExtremes(model: Model, tensors: readonly string[]): Promise<Activations> {
  // Opened once for what it alone knows: how large the tensors are. And again for a sample with values that are not finite.
  const values = await openValues(model, tensors);
  const { reduced, computed } = reduceValues(model, tensors);
  if (computed.length === 0) return values;
  await values.close();
  releaseMemory();
  const session = await openModel(reduced, observingOptions);
  let exact: Activations | undefined;
  return {
    async read(feeds, sample, show) {
      if (sample === 0) checkFeeds(session.inputs, feeds);
      const showExtremes: Show = (name, seen) => show(name, seen instanceof Float32Array ? extremesOf(seen)! : seen);
      for (const name of tensors) if (name in feeds) showValues(name, feeds[name], sample, showExtremes);
      const found = await extremesFrom(session, feeds);
      if (found) return showFound(computed, found, show);
      exact ??= await openValues(model, computed);
      await exact.read(feeds, sample, showExtremes);
    },
    async close() {
      await session.close();
      await exact?.close();
    },
  };
}

const output = 'octet_extremes';

/** Of each value the graph gives its least, its greatest and its sum, which is finite only if all of it is; all in one tensor. */
const reductions = ['ReduceMin', 'ReduceMax', 'ReduceSum'] as const;

function reduceValues(model: Model, tensors: readonly string[]): { reduced: Model; computed: readonly string[] } {
  const { model: open, exposed } = exposeValues(model, tensors);
  const computed = [...exposed.keys()];
  const nodes = Array.from(exposed.values()).flatMap((value, at) =>
    reductions.map((opType) => node(opType, [value], [`${output}_${at}_${opType}`], { keepdims: int(0) })),
  );
  const scalars = nodes.flatMap(({ outputs }) => outputs);
  const gathered = [
    node('SequenceConstruct', scalars, [`${output}_list`]),
    node('ConcatFromSequence', [`${output}_list`], [output], { axis: int(0), new_axis: int(1) }),
  ];
  const graph = {
    ...open.graph,
    nodes: [...open.graph.nodes, ...nodes, ...gathered],
    outputs: [valueInfo(output, 'float32')],
  };
  return { reduced: { ...open, graph }, computed };
}

/** @returns undefined where the sample does not run, or something in it may not be finite. */
async function extremesFrom(session: Session, feeds: Feeds): Promise<Float32Array | undefined> {
  try {
    const { data } = (await session.run(feeds, [output]))[output] as Tensor<'float32'>;
    return data.every((value, at) => at % reductions.length < 2 || Number.isFinite(value)) ? data : undefined;
  } catch (error) {
    // Read as values, it fails again with the reason, or does not.
    if (error instanceof OctetError) return undefined;
    throw error;
  }
}

/** An empty tensor has a least value of infinity and a greatest of minus infinity. */
function showFound(names: readonly string[], found: ArrayLike<number>, show: Show): void {
  for (const [at, name] of names.entries()) {
    const range: Range = { min: found[reductions.length * at]!, max: found[reductions.length * at + 1]! };
    if (range.min <= range.max) show(name, range);
  }
}
