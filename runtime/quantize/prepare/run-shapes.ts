/**
 * Shapes of inner values, from running the model: whatever size is not stated is fed as 2, so that a value which grows with the
 * batch is told from a constant one.
 */
import type { Session } from '../../engine/session.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds, Tensor } from '../../graph/tensor.ts';
import { openExposed, untyped } from '../exposed-session.ts';

export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Shapes of all values of the main graph on these inputs. @param quiet see `openExposed`. Opens a session. @throws what running throws. */
export async function shapesOn(model: Model, feeds: Feeds, quiet = false): Promise<Shapes> {
  const session = await openExposed(model, undefined, quiet);
  try {
    return await shapesFrom(session, feeds);
  } finally {
    await session.close();
  }
}

/** Of the inputs and of whatever the session gives that is a tensor. @throws what running throws. */
export async function shapesFrom(session: Session, feeds: Feeds): Promise<Shapes> {
  const readable = session.outputs.filter(({ type }) => type !== undefined).map(({ name }) => name);
  const values: Record<string, Tensor> = { ...feeds, ...(await session.run(feeds, readable)) };
  return new Map(Object.entries(values).map(([name, { dims }]) => [name, dims]));
}

/** The model with these shapes stated, for rules to ask about; not for saving. */
export function withShapes(model: Model, shapes: Shapes): Model {
  const valueInfo = [...shapes].map(([name, dims]) => ({ ...untyped(name), dims }));
  return { ...model, graph: { ...model.graph, valueInfo } };
}
