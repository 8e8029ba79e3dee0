import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  binomialCdf,
  type Discordance,
  netLossUpperBound,
  shareUpperBound,
  windowsNeeded,
} from '../../../runtime/measure/proportions.ts';

/** Absolute difference that counts as equal. */
const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `expected ${expected} ± ${tolerance}, got ${actual}`);

describe('the binomial distribution', () => {
  it('sums the exact terms', () => {
    // By hand: (1 + 10 + 45) / 2^10.
    near(binomialCdf(2, 10, 0.5), 56 / 1024, 1e-12);
    assert.equal(binomialCdf(10, 10, 0.3), 1);
    assert.equal(binomialCdf(-1, 10, 0.3), 0);
  });

  it('keeps its precision at thousands of windows', () => {
    // Symmetry: P(X ≤ 1999) = 1/2 − P(X = 2000)/2 for n = 4000, p = 1/2; the central term by Stirling's series.
    const central = (1 / Math.sqrt(Math.PI * 2000)) * (1 - 1 / 16000);
    near(binomialCdf(1999, 4000, 0.5), 0.5 - central / 2, 1e-7);
  });
});

describe('the bound of a share', () => {
  it('has the closed form 1 − 0.05^(1/n) when nothing was seen', () => {
    for (const total of [1, 59, 149, 3000]) near(shareUpperBound(0, total), 1 - 0.05 ** (1 / total), 1e-9);
  });

  it('equals the tabled exact bound: 1 of 10 → 0.3942', () => {
    near(shareUpperBound(1, 10), 0.3942, 5e-5);
  });

  it('falls with more windows and rises with more changes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 500 }), (total, wanted) => {
        const count = Math.min(wanted, total - 1);
        const bound = shareUpperBound(count, total);
        assert.ok(bound >= count / total && bound <= 1);
        assert.ok(shareUpperBound(count, total + 10) <= bound + 1e-9);
        assert.ok(shareUpperBound(count + 1, total) >= bound - 1e-9);
      }),
    );
  });
});

describe('the bound of the net loss', () => {
  it('has the closed form z² / (n + z²) when no window differs', () => {
    for (const total of [50, 268, 3000])
      near(netLossUpperBound({ lost: 0, gained: 0, total }), 2.705543 / (total + 2.705543), 1e-7);
  });

  it('is where the likelihood, maximised by brute force, puts the score at −1.645', () => {
    for (const counts of [
      { lost: 12, gained: 2, total: 50 },
      { lost: 0, gained: 1, total: 44 },
      { lost: 30, gained: 28, total: 3000 },
    ])
      near(bruteForceScore(counts, netLossUpperBound(counts)), -1.645, 0.005);
  });

  it('lies above what was measured and below it in only one of twenty repetitions', () => {
    // 2,000 seeded draws of 400 windows with true loss 2 − 1 = 1 %: the bound must cover it in about 95 %.
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    let covered = 0;
    for (let draw = 0; draw < 2000; draw++) {
      let [lost, gained] = [0, 0];
      for (let window = 0; window < 400; window++) {
        const value = random();
        if (value < 0.02) lost++;
        else if (value < 0.03) gained++;
      }
      const bound = netLossUpperBound({ lost, gained, total: 400 });
      assert.ok(bound >= (lost - gained) / 400);
      if (bound >= 0.01) covered++;
    }
    assert.ok(covered / 2000 > 0.93 && covered / 2000 < 0.98, `covered ${covered / 2000}`);
  });

  it('knows nothing without windows', () => {
    assert.equal(netLossUpperBound({ lost: 0, gained: 0, total: 0 }), 1);
  });
});

describe('the number of windows needed', () => {
  it('is the smallest that brings the bound down to the limit', () => {
    const needed = windowsNeeded((total) => netLossUpperBound({ lost: 0, gained: 0, total }), 0.01, 10);
    // z² / (n + z²) ≤ 0.01 ⇔ n ≥ 99 z² = 267.8.
    assert.equal(needed, 268);
  });

  it('is unknown when the rate itself is at the limit', () => {
    assert.equal(
      windowsNeeded((total) => netLossUpperBound({ lost: 0.01 * total, gained: 0, total }), 0.01, 10),
      undefined,
    );
  });
});

/** Tango's score with the nuisance share found by a fine search instead of the closed form. */
function bruteForceScore({ lost, gained, total }: Discordance, loss: number): number {
  let best = { share: 0, likelihood: Number.NEGATIVE_INFINITY };
  for (let step = 0; step <= 400_000; step++) {
    const share = (step / 400_000) * ((1 - loss) / 2);
    const same = 1 - 2 * share - loss;
    const likelihood = logTerm(lost, share + loss) + logTerm(gained, share) + logTerm(total - lost - gained, same);
    if (likelihood > best.likelihood) best = { share, likelihood };
  }
  return (lost - gained - total * loss) / Math.sqrt(total * (2 * best.share + loss - loss ** 2));
}

function logTerm(count: number, share: number): number {
  return count === 0 ? 0 : count * Math.log(Math.max(share, 1e-300));
}
