/** The child's side of a comparison: float32 and one or more contenders in one process, in alternating blocks. */
import { openSession } from '../engine/session.ts';
import type { Feeds } from '../graph/tensor.ts';
import type { RaceRequest, RaceResult, RaceSide } from './messages.ts';
import { runBlocks, type Side } from './paired-blocks.ts';
import { createQuery } from './query.ts';
import { sessionOptionsFrom } from './session-settings.ts';
import { type OnProgress, startCalling } from './sign-of-life.ts';
import { monotonicUs, warmUp } from './timing.ts';

/** A short comparison does not wait long for calm; a block's first calls are dropped anyway. */
const warmUpMs = { least: 150, most: 1500, share: 0.25 };

export async function measureRace(
  { baseline, variants, feeds, budgetMs }: RaceRequest,
  onProgress: OnProgress,
): Promise<RaceResult> {
  const sides: (Side & { readonly isStable: boolean })[] = [];
  const settleMs = Math.min(warmUpMs.most, Math.max(warmUpMs.least, warmUpMs.share * budgetMs));
  for (const runner of [baseline, ...variants]) sides.push(await openSide(runner, feeds, settleMs, onProgress));
  const [first, ...others] = sides as [(typeof sides)[0], ...typeof sides];
  const times = await runBlocks(first, others, { budgetMs, now: monotonicUs, onRound: onProgress });
  return {
    kind: 'race',
    ...times,
    variants: times.variants.map((variant, at) => ({ ...variant, isStable: first.isStable && others[at]!.isStable })),
  };
}

async function openSide(
  { modelPath, settings }: RaceSide,
  feeds: readonly Feeds[],
  settleMs: number,
  onProgress: OnProgress,
) {
  const session = await openSession(modelPath, sessionOptionsFrom(settings));
  const query = createQuery(session, feeds, 'multi-stream', settings.batch);
  const { call } = await startCalling(query.call, onProgress);
  return { call, ...(await warmUp(call, settleMs, monotonicUs)) };
}
