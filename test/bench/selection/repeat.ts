/** Ten selections of one model: one answer, or answers whose intervals overlap. The first model that is chosen by words, else a small one. */

import type { Evidence } from '../../../runtime/select/evidence.ts';
import { compareRuns } from '../../../runtime/select/repeat.ts';
import { chooseCases } from '../quantize/cases.ts';
import type { BenchRow } from '../sections.ts';
import { requestFor, selectOnce } from './select-case.ts';

const runs = 10;
/** Too short for the search of `auto`, whose answers have other bytes each time; all else takes part. */
const timeMs = 20_000;

export async function benchRepeat(work: string, models: readonly string[]): Promise<BenchRow[]> {
  const [bench] = chooseCases(models.length > 0 ? models : ['fashion/resnet8']);
  if (!bench) return [];
  const request = await requestFor(bench, work, timeMs);
  const results: Evidence[] = [];
  for (let run = 0; run < runs; run++) {
    const evidence = await selectOnce(request);
    results.push(evidence);
    console.log(`  ${bench.name} ${run + 1}: ${evidence.verdict}`);
  }
  const [first, ...others] = results as [Evidence, ...Evidence[]];
  const outcomes = others.map((other) => compareRuns(first, other).result);
  const disagreeing = outcomes.filter((outcome) => outcome === 'other').length;
  return [
    {
      name: `selections of ten that chose the same as the first`,
      value: 1 + outcomes.filter((outcome) => outcome === 'same').length,
      unit: 'of 10',
      target: '(stated)',
      ok: true,
    },
    {
      name: 'selections whose answer is neither the same nor as good',
      value: disagreeing,
      unit: 'of 10',
      target: '0',
      ok: disagreeing === 0,
    },
  ];
}
