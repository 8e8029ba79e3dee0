/** Runs a float model over samples and hands out inner values one sample at a time, so that nothing piles up. */
import type { Samples } from '../../data/samples.ts';
import { openSession } from '../../engine/session.ts';
import { valueInfo } from '../../graph/build.ts';
import type { Model } from '../../graph/model.ts';
import { removeUnusedIn } from '../../graph/remove-unused.ts';
import { encodeModel } from '../../graph/save.ts';
import type { Tensor } from '../../graph/tensor.ts';

export type StreamOptions = {
  readonly signal?: AbortSignal;
  /** Called after each sample with the number of samples seen. */
  readonly onSample?: (seen: number) => void;
};

/**
 * Computes only what these values depend on.
 * @param names computed float32 values of the main graph, or its inputs.
 * @throws what ONNX Runtime throws; the signal's reason. Opens a session.
 */
export async function streamValues(
  model: Model,
  names: readonly string[],
  samples: Samples,
  onValue: (name: string, value: Tensor<'float32'>) => void,
  { signal, onSample }: StreamOptions = {},
): Promise<void> {
  const inputs = new Set(model.graph.inputs.map(({ name }) => name));
  const computed = names.filter((name) => !inputs.has(name));
  const outputs = computed.map((name) => valueInfo(name, 'float32'));
  const session = outputs.length > 0 ? await openPrefix({ ...model, graph: { ...model.graph, outputs } }) : undefined;
  try {
    for (let index = 0; index < samples.count; index++) {
      signal?.throwIfAborted();
      const feeds = await samples.feeds(index);
      const results = session ? await session.run(feeds, computed) : {};
      for (const name of names) onValue(name, (results[name] ?? feeds[name]) as Tensor<'float32'>);
      onSample?.(index + 1);
    }
  } finally {
    await session?.close();
  }
}

/** Values are wanted as the graph says them, so nothing is optimised away. */
function openPrefix(model: Model) {
  return openSession(encodeModel({ ...model, graph: removeUnusedIn(model.graph) }), { level: 'disabled' });
}
