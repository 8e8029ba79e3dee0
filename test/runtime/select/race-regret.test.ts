/** The plan of a race on simulated fields: true speeds are known, measurements are noisy, and the answer may not be far from the best. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { judgeDecisions } from '../../../runtime/measure/accuracy.ts';
import { choose } from '../../../runtime/select/choose.ts';
import { isHopeless } from '../../../runtime/select/constraints.ts';
import type { Contender } from '../../../runtime/select/contender.ts';
import { nextEntrant, planRounds } from '../../../runtime/select/race-plan.ts';

const latency = { objective: 'latency' } as const;
const right = new Array<number>(1000).fill(0);
const wrong = right.map((_, at) => (at < 100 ? 1 : 0));
const judgement = (isLossy: boolean) =>
  judgeDecisions(right, isLossy ? wrong : right, right, { maxDrop: 0.01, maxDisagreement: 0.02 });

type Simulated = { readonly name: string; readonly speed: number; readonly isLossy: boolean };

const float32: Contender = {
  ...{ name: 'float32', isFloat32: true, peakMemoryBytes: 1, memoryIncrementBytes: 1, latencyP95Us: 1 },
  ...{ speedup: { value: 1, low: 1, high: 1 }, throughputGain: null, joulesPerSample: null },
  ...{ accuracy: null, failure: null, rounds: 0 },
};

/** @param noise −1 to 1, anew for each measurement. */
function raceOn(field: readonly Simulated[], noise: () => number): string {
  const known = new Map<string, Contender>();
  const compare = ({ name, speed }: Simulated, budgetMs: number) => {
    // Ratios of short comparisons stray by up to three per cent, of long ones by one.
    const reach = Math.max(0.01, 0.03 * Math.sqrt(200 / budgetMs));
    const value = speed * (1 + noise() * reach);
    const speedup = { value, low: value * (1 - reach - 0.015), high: value * (1 + reach + 0.015) };
    const before = known.get(name) ?? { ...float32, name, isFloat32: false, peakMemoryBytes: null };
    known.set(name, { ...before, speedup, throughputGain: speedup, rounds: before.rounds + 1 });
  };
  const gate = ({ name, isLossy }: Simulated) =>
    known.set(name, { ...known.get(name)!, peakMemoryBytes: 1, accuracy: judgement(isLossy) });
  const [first, ...rounds] = planRounds(field.length, 30_000, { startMs: 350, gateMs: 900, together: 4 });
  for (const one of field) compare(one, first!.budgetMs);
  for (const { entrants, budgetMs } of rounds) {
    const [asked, passed] = [new Set<string>(), new Set<string>()];
    while (passed.size < entrants) {
      const next = nextEntrant([...known.values()], asked, passed, latency);
      if (!next) break;
      const one = field.find(({ name }) => name === next.name)!;
      asked.add(one.name);
      gate(one);
      if (isHopeless(known.get(one.name)!, latency)) continue;
      compare(one, budgetMs);
      passed.add(one.name);
    }
  }
  return choose([float32, ...known.values()], latency).chosen;
}

it('a race on noisy fields loses at most 3 % in the median and 10 % at worst against the best', () => {
  const regrets: number[] = [];
  const one = fc.record({ speed: fc.double({ min: 0.5, max: 4, noNaN: true }), isLossy: fc.boolean() });
  const fields = fc.array(one, { minLength: 1, maxLength: 24 });
  const noises = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 97, maxLength: 97 });
  fc.assert(
    fc.property(fields, noises, (made, strays) => {
      let drawn = 0;
      const field = made.map((entry, at) => ({ ...entry, name: `v${at}` }));
      const chosen = raceOn(field, () => strays[drawn++ % strays.length]!);
      const speedOf = (name: string) => field.find((entry) => entry.name === name)?.speed ?? 1;
      const best = Math.max(1, ...field.filter(({ isLossy }) => !isLossy).map(({ speed }) => speed));
      const regret = best / speedOf(chosen) - 1;
      regrets.push(regret);
      assert.ok(!field.some(({ name, isLossy }) => name === chosen && isLossy), 'a lossy one was chosen');
      assert.ok(regret <= 0.1, `regret ${regret}`);
    }),
    { numRuns: 400, seed: 20_261_127 },
  );
  const middle = regrets.sort((a, b) => a - b)[Math.floor(regrets.length / 2)]!;
  assert.ok(middle <= 0.03, `median ${middle}`);
});
