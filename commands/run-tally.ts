/** What a run of decisions came to: how many, how many right, how fast, what went wrong. Bounded, however long it runs. */
import type { ErrorRecord } from '../runtime/base/errors.ts';
import type { Decision } from '../runtime/infer/messages.ts';
import { percentile } from '../runtime/measure/statistics.ts';

/** Latencies are summed up over this many of the latest decisions. */
const latencyCount = 10_000;

export type RunSummary = {
  readonly decisions: number;
  /** Decisions whose window carries a label. */
  readonly labelled: number;
  readonly correct: number;
  /** correct / labelled; null without labels. */
  readonly accuracy: number | null;
  /** Of the latest 10,000 decisions, microseconds; null without decisions. */
  readonly latencyUs: { readonly p50: number; readonly p90: number; readonly p99: number } | null;
  readonly problems: readonly (ErrorRecord & { readonly count: number })[];
};

export type RunTally = {
  addDecision(decision: Decision): void;
  /** @param count occurrences so far, so a later one replaces an earlier one. */
  addProblem(error: ErrorRecord, count: number): void;
  /** `95.0 % of 421`. */
  accuracyText(): string;
  summary(): RunSummary;
  summaryLine(): string;
};

export function createRunTally(): RunTally {
  const latencies = new Float64Array(latencyCount);
  const problems = new Map<string, ErrorRecord & { count: number }>();
  let [decisions, labelled, correct] = [0, 0, 0];
  const accuracyText = () => `${((100 * correct) / labelled).toFixed(1)} % of ${labelled}`;
  const summary = (): RunSummary => {
    const latest = latencies.subarray(0, Math.min(decisions, latencyCount));
    const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => percentile(latest, share)) as [number, number, number];
    return {
      decisions,
      labelled,
      correct,
      accuracy: labelled === 0 ? null : correct / labelled,
      latencyUs: decisions === 0 ? null : { p50, p90, p99 },
      problems: [...problems.values()],
    };
  };
  return {
    addDecision({ label, latencyUs, truth }) {
      latencies[decisions++ % latencyCount] = latencyUs;
      if (truth === undefined) return;
      labelled++;
      if (truth === label) correct++;
    },
    addProblem(error, count) {
      problems.set(`${error.code} ${error.message}`, { ...error, count });
    },
    accuracyText,
    summary,
    summaryLine() {
      const { latencyUs } = summary();
      if (latencyUs === null) return 'No decisions: the source gave no whole window.';
      const { p50, p99 } = latencyUs;
      const right = labelled === 0 ? '' : `, right in ${accuracyText()} labelled`;
      return `${decisions} decisions${right}; latency p50 ${(p50 / 1000).toFixed(2)} ms, p99 ${(p99 / 1000).toFixed(2)} ms`;
    },
  };
}
