/** What a model is for, where nobody says. */
import type { Task } from '../data/pipeline.ts';
import type { Samples } from '../data/samples.ts';
import type { Session } from '../engine/session.ts';

/**
 * With labels it classifies; an output of one number, or as large as the input, is a quantity; anything else is taken for scores of
 * classes, which needs no task. @throws what running throws.
 */
export async function guessTask(session: Session, heldOut: Samples): Promise<Task | undefined> {
  if (heldOut.count === 0 || heldOut.labels) return undefined;
  const feeds = await heldOut.feeds(0);
  const results = await session.run(feeds);
  const size = results[session.outputs[0]!.name]!.data.length;
  const isQuantity = size === 1 || size === Object.values(feeds)[0]?.data.length;
  return isQuantity ? { kind: 'regress' } : undefined;
}
