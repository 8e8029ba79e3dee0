/**
 * Whether a variant decides as float32 does, from a sample of live windows: the share that differs, and how surely so many
 * windows tell it. Pure.
 */
import { shareLowerBound, shareUpperBound } from '../../runtime/measure/proportions.ts';
import type { VariantRow } from '../../runtime/select/selection.ts';

/** Windows compared, and how many of them were decided otherwise. */
export type Tally = { readonly windows: number; readonly disagreements: number };

/** Looks come again and again for a year: each may be wrong once in a thousand times. */
const doubtPerLook = 1e-3;
/** What selection has seen on held-out windows and accepted, live windows may show, too; twice it is more than chance. */
const tolerated = 2;

/** The share of decisions that may differ: what the order says, else what the model's budget says or its selection accepted. */
export function disagreementLimit(
  { ordered, budget }: { readonly ordered: number | undefined; readonly budget: number },
  row: Pick<VariantRow, 'agreement'> | undefined,
): number {
  if (ordered !== undefined) return ordered;
  const accepted = row === undefined || row.agreement === null ? 0 : 1 - row.agreement;
  return Math.max(budget, tolerated * accepted);
}

/** Whether so many disagreements are more than the limit allows, beyond doubt. */
export function exceeds({ windows, disagreements }: Tally, limit: number): boolean {
  return shareLowerBound(disagreements, windows, doubtPerLook) > limit;
}

/** `2 of 64 live windows decided otherwise than float32: at most 9.5 % (95 %)`. */
export function describeTally({ windows, disagreements }: Tally): string {
  const bound = (100 * shareUpperBound(disagreements, windows)).toFixed(1);
  return `${disagreements} of ${windows} live windows decided otherwise than float32: at most ${bound} % (95 %)`;
}

/** Tallies of comparisons by id, across the ends of runner processes, each of which counts from nothing. */
export class Tallies {
  readonly #before = new Map<string, Tally>();
  readonly #now = new Map<string, Tally>();

  /** @returns the sum under this id. */
  note(id: string, tally: Tally): Tally {
    const last = this.#now.get(id);
    if (last && tally.windows < last.windows) this.#before.set(id, sum(this.#before.get(id), last));
    this.#now.set(id, tally);
    return this.of(id);
  }

  of(id: string): Tally {
    return sum(this.#before.get(id), this.#now.get(id));
  }

  forget(): void {
    this.#before.clear();
    this.#now.clear();
  }
}

function sum(a: Tally = none, b: Tally = none): Tally {
  return { windows: a.windows + b.windows, disagreements: a.disagreements + b.disagreements };
}

const none: Tally = { windows: 0, disagreements: 0 };
