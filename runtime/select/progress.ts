/** Progress as time: each step says how long it should take, and the fraction is the expected time that lies behind. */
import type { SelectionProgress } from './selection.ts';

export type ProgressMeter = {
  /** Starts a step of about `expectedMs`. @returns told the share of the step that is done. */
  step(expectedMs: number, detail: string): (fraction: number) => void;
};

/** @param expectedTotalMs of all steps; a wrong guess slows or hastens the fraction but never turns it back. */
export function progressMeter(
  phase: SelectionProgress['phase'],
  expectedTotalMs: number,
  onProgress: (progress: SelectionProgress) => void,
): ProgressMeter {
  let [behindMs, highest] = [0, 0];
  return {
    step(expectedMs, detail) {
      const fromMs = behindMs;
      behindMs += expectedMs;
      const tell = (share: number) => {
        highest = Math.max(highest, Math.min(1, (fromMs + share * expectedMs) / expectedTotalMs));
        onProgress({ phase, fraction: highest, detail });
      };
      tell(0);
      return tell;
    },
  };
}
