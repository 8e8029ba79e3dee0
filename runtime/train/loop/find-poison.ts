/** Which value went wrong first: a step's forward pass again, looked at value by value. */
import type { Model } from '../../graph/model.ts';
import type { Feeds, Tensor } from '../../graph/tensor.ts';
import { openExposed } from '../../quantize/exposed-session.ts';

/**
 * The first value, in order of execution, that is NaN or infinite: an input, a weight, or what a node computes. Undefined when all
 * is finite (the gradient alone overflowed). Opens a session.
 * @param forward the graph up to the loss; @param weights that stand in for its initializers.
 */
export async function findPoison(
  forward: Model,
  feeds: Feeds,
  weights: ReadonlyMap<string, Tensor>,
): Promise<string | undefined> {
  for (const [name, tensor] of Object.entries(feeds)) if (isPoisoned(tensor)) return `the data of "${name}"`;
  for (const [name, tensor] of weights) if (isPoisoned(tensor)) return `the weight "${name}"`;
  const session = await openExposed(forward, undefined, true);
  try {
    const readable = session.outputs.filter(({ type }) => type === 'float32').map(({ name }) => name);
    const values = await session.run(feeds, readable);
    for (const { opType, name, outputs } of forward.graph.nodes)
      for (const output of outputs)
        if (values[output] && isPoisoned(values[output])) return `"${output}", computed by ${opType} "${name}"`;
    return undefined;
  } finally {
    await session.close();
  }
}

export function isPoisoned({ type, data }: Tensor): boolean {
  return type === 'float32' && !(data as Float32Array).every(Number.isFinite);
}
