/** What to do after a crash, decided purely from when the crashes were. */

export type RestartDecision =
  /** Start it again after a pause. */
  | { readonly kind: 'restart'; readonly afterMs: number }
  /** It will not stay up: fall back to something else, and try again only rarely. */
  | { readonly kind: 'crash loop'; readonly count: number; readonly afterMs: number };

/** So many crashes within the period are a loop, not bad luck. */
export const crashLoop = { count: 5, withinMs: 60_000 } as const;

const firstPauseMs = 100;
const rarelyMs = 30_000;

/** @param crashesMs times of all crashes so far, the newest last (monotonic milliseconds). */
export function decideRestart(crashesMs: readonly number[]): RestartDecision {
  const nowMs = crashesMs.at(-1) ?? 0;
  const count = crashesMs.filter((timeMs) => nowMs - timeMs < crashLoop.withinMs).length;
  if (count >= crashLoop.count) return { kind: 'crash loop', count, afterMs: rarelyMs };
  return { kind: 'restart', afterMs: firstPauseMs * 2 ** Math.max(0, count - 1) };
}
