/** Follows what the runners of one slot tell of the model's life, and says when something has to be done about it. */
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { InputCounts } from '../../runtime/infer/input-profile.ts';
import type { Decision } from '../../runtime/infer/messages.ts';
import { describeTally, exceeds, Tallies, type Tally } from './disagreement.ts';
import { type HeatPolicy, type HeatReading, type HeatState, noHeat, noteHeat } from './heat.ts';
import { type DriftPolicy, type DriftState, noDrift, noteInputs } from './input-drift.ts';
import { type Lateness, noteLateness, onTime } from './lateness.ts';
import type { Watched } from './watched.ts';

/** What a slot has to hear of. */
export type LifeEvent =
  | { readonly kind: 'misbehaved'; readonly sha256: string; readonly error: ErrorRecord }
  | { readonly kind: 'drifted'; readonly sha256: string; readonly evidence: string }
  | { readonly kind: 'strained' | 'relieved'; readonly evidence: string };

export type LifePolicy = { readonly drift: DriftPolicy; readonly heat: HeatPolicy };

/** Looked at when the number of windows has doubled, so that looking often is not taken for evidence. */
const firstLook = 64;

export class LifeWatch {
  readonly #policy: LifePolicy;
  readonly #tallies = new Tallies();
  readonly #nextLook = new Map<string, number>();
  #drift: DriftState = noDrift;
  #lateness: Lateness = onTime;
  #heat: HeatState = noHeat;

  constructor(policy: LifePolicy) {
    this.#policy = policy;
  }

  /** Another model, or the same one calibrated anew: what was counted before says nothing of it. */
  reset(): void {
    this.#drift = noDrift;
    this.#lateness = onTime;
  }

  tallyOf(id: string): Tally {
    return this.#tallies.of(id);
  }

  noteShadow(id: string, tally: Tally, watched: Watched): LifeEvent | undefined {
    const sum = this.#tallies.note(id, tally);
    if (id !== watched.shadowId || sum.windows < (this.#nextLook.get(id) ?? firstLook)) return undefined;
    this.#nextLook.set(id, 2 * sum.windows);
    if (!exceeds(sum, watched.disagreementLimit)) return undefined;
    return { kind: 'misbehaved', sha256: watched.sha256, error: disagreement(watched, sum) };
  }

  noteInputs(counts: InputCounts, { profile, sha256 }: Watched): LifeEvent | undefined {
    if (profile === undefined) return undefined;
    const [next, evidence] = noteInputs(this.#drift, counts, profile, this.#policy.drift);
    this.#drift = next;
    return evidence === undefined ? undefined : { kind: 'drifted', sha256, evidence };
  }

  noteDecisions(decisions: readonly Decision[], { periodUs, sha256, variant }: Watched): LifeEvent | undefined {
    const [next, isBehind] = noteLateness(this.#lateness, decisions, periodUs);
    this.#lateness = next;
    if (!isBehind) return undefined;
    const message = `${variant}: expected a decision before the next window (${Math.round(periodUs)} µs), got most of them later`;
    return { kind: 'misbehaved', sha256, error: { code: 'DEADLINE_PASSED', message, hint: tooSlow } };
  }

  noteHeat(reading: HeatReading, nowMs: number): LifeEvent | undefined {
    const [next, evidence] = noteHeat(this.#heat, reading, nowMs, this.#policy.heat);
    this.#heat = next;
    return evidence === undefined ? undefined : { kind: next.isStrained ? 'strained' : 'relieved', evidence };
  }

  /** The agent ended while something was demoted: whether the strain is over has to be seen. */
  resumeStrained(): void {
    this.#heat = { isStrained: true, turningMs: null };
  }
}

export function disagreement({ variant, disagreementLimit: limit }: Watched, tally: Tally): ErrorRecord {
  return {
    code: 'DISAGREEMENT',
    message: `${variant}: expected at most ${(100 * limit).toFixed(1)} % of decisions to differ from float32's, got: ${describeTally(tally)}`,
    hint: 'Record data as it is now and calibrate again: octet fleet deploy, or wait for the device to do it.',
  };
}

const tooSlow = 'Look for what else the board computes (top); a longer stride in the manifest needs fewer decisions.';
