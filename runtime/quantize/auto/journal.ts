/**
 * What a search has found out, told as it finds it. Whoever keeps it outside of the search's process can start another search after a
 * crash in native code: what was timed is known, and what crashed is not tried again.
 */
import type { ComposedRecipe } from './composed-recipe.ts';
import type { Contender } from './search.ts';

export type Crash = {
  readonly recipe: ComposedRecipe;
  readonly label: string;
  readonly reason: string;
};

export type Journal = {
  /** Timed by earlier searches. */
  readonly known: readonly Contender[];
  /** What ended earlier searches. */
  readonly crashes: readonly Crash[];
  /** Resolves once it is written down: the next thing may be a crash. */
  begin(attempt: Omit<Crash, 'reason'>): Promise<void>;
  found(contender: Contender): void;
};

/** For a search that nobody would continue. */
export const noJournal: Journal = { known: [], crashes: [], begin: async () => undefined, found: () => undefined };
