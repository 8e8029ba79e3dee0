/** The search that observers which clip share: which part of the full range gives the least loss. */
import type { Range } from '../numerics.ts';

/** Hundredths of the full range that are tried. Below a fifth, clipping has never paid at 8 bits. */
const fractions = Array.from({ length: 81 }, (_, i) => 1 - i / 100);

/** Shrinks both ends together, then each alone, keeping what lowers the loss; of equals, the widest. */
export function bestRange(seen: Range, loss: (range: Range) => number): Range {
  const full = { min: Math.min(seen.min, 0), max: Math.max(seen.max, 0) };
  const least = (candidates: readonly Range[]) => {
    const losses = candidates.map(loss);
    // Losses near the largest float overflow; then nothing is known to be better than the first, the widest.
    const smallest = losses.filter(Number.isFinite).reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    return candidates[losses.indexOf(smallest)] ?? candidates[0]!;
  };
  const both = least(fractions.map((f) => ({ min: full.min * f, max: full.max * f })));
  // An end at zero has nothing to shrink.
  const upper = full.max === 0 ? both : least([both, ...fractions.map((f) => ({ ...both, max: full.max * f }))]);
  return full.min === 0 ? upper : least([upper, ...fractions.map((f) => ({ ...upper, min: full.min * f }))]);
}
