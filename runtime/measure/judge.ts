/** Two models' answers on the same windows → what the variant costs. */
import type { Budget } from '../data/pipeline.ts';
import { type AccuracyJudgement, judgeDecisions, judgeOutputs } from './accuracy.ts';
import type { Decided } from './messages.ts';

/** Null when they cannot be compared: one of them decided nothing, or their outputs differ in size. */
export function judge(baseline: Decided | null, variant: Decided | null, budget: Budget): AccuracyJudgement | null {
  if (baseline === null || variant === null) return null;
  if (baseline.decisions && variant.decisions)
    return judgeDecisions(baseline.decisions, variant.decisions, baseline.labels ?? undefined, budget);
  if (baseline.outputs === null || baseline.outputs.length !== variant.outputs?.length) return null;
  return judgeOutputs(baseline.outputs, variant.outputs, baseline.windows, budget);
}
