/** What `octet quantize` tells people: what runs in int8, what was written, and how much smaller it is. */
import pico from 'picocolors';
import { bytesText } from '../runtime/select/figures.ts';
import { outcomeLines } from './outcomes.ts';
import { autoLines } from './quantize-auto.ts';
import type { QuantizeResult } from './quantize-file.ts';
import { trainingLines } from './training-lines.ts';

export function quantizeLines(result: QuantizeResult): string[] {
  const { auto, output, recipePath, outcomes, training } = result;
  const recipe = pico.dim(`recipe: ${recipePath}`);
  if (auto) return [...autoLines(auto, result), '', pico.bold(output), recipe];
  const told = training ? trainingLines(training) : [];
  return [...outcomeLines(outcomes), '', ...told, `${pico.bold(output)}  ${sizeText(result)}`, recipe];
}

function sizeText({ floatBytes, sizeBytes }: QuantizeResult): string {
  return `${bytesText(floatBytes)} → ${bytesText(sizeBytes)} (${ratioText(floatBytes / sizeBytes)})`;
}

/** A small model can grow: scales and zero points take room, too. */
function ratioText(ratio: number): string {
  return ratio >= 1 ? `${ratio.toFixed(1)} times smaller` : `${(1 / ratio).toFixed(1)} times larger`;
}
