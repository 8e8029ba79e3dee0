/** What training tells people when it is done. */
import type { TrainingReport } from './quantize-qat.ts';

export function trainingLines({ task, steps, losses, seconds }: TrainingReport): string[] {
  const followed = task === 'classify' ? 'probabilities' : 'values';
  const change = losses ? `: loss ${losses.first.toPrecision(3)} → ${losses.last.toPrecision(3)}` : '';
  return [`${steps} steps towards the float model's ${followed} in ${Math.round(seconds)} s${change}`];
}
