/** Tells the parent every few hundred windows what the inputs were like. */
import type { Observe } from './inference.ts';
import { createInputCounters } from './input-counters.ts';
import type { InputProfile } from './input-profile.ts';
import type { RunnerEvent } from './messages.ts';

/** Drift takes hours: what a killed runner had not told is no loss. */
const reportEvery = 256;

export function createInputReports(profile: InputProfile, emit: (event: RunnerEvent) => void): { observe: Observe } {
  const counters = createInputCounters(profile);
  let counted = 0;
  return {
    observe(window, input, output) {
      counters.count(window, input, output);
      if (++counted % reportEvery === 0) emit({ kind: 'inputs', counts: counters.take() });
    },
  };
}
