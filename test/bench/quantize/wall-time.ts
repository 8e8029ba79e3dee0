/**
 * Section `time`: how long a calibration takes with the same recipe and samples, in turns. Starting the process is part of it on
 * both sides: it is what a user waits for.
 */
import { join } from 'node:path';
import { median } from '../../../runtime/measure/statistics.ts';
import type { BenchRow } from '../run.ts';
import { type BenchCase, fileNameOf } from './bench-case.ts';
import { writeCaseData } from './case-data.ts';
import { chooseCases } from './cases.ts';
import { foldForReference, runOurs, runTheirs, type SharedRecipe, sharedRecipes } from './same-recipe.ts';

const turns = 3;

export async function benchTime(work: string, models: readonly string[]): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const bench of chooseCases(models)) {
    const folded = await foldForReference(bench, work);
    if (folded === undefined)
      return [{ ...unmeasured('every model', 'min-max'), target: '≤ 1; needs npm run peers first' }];
    const { calibration } = await writeCaseData(bench, join(work, fileNameOf(bench)));
    for (const recipe of Object.keys(sharedRecipes) as SharedRecipe[])
      rows.push(...(await timeRows(bench, recipe, folded, calibration, work)));
  }
  return rows;
}

/** No row where the reference cannot do it: there is nothing to compare with. */
async function timeRows(
  bench: BenchCase,
  recipe: SharedRecipe,
  folded: string,
  data: string,
  work: string,
): Promise<BenchRow[]> {
  const times: { ours: number[]; theirs: number[]; calls: number[] } = { ours: [], theirs: [], calls: [] };
  for (let turn = 0; turn < turns; turn++) {
    const theirs = await runTheirs(folded, recipe, data, work);
    if (!theirs) return [];
    const ours = await runOurs(bench.modelPath, recipe, data, work);
    if (!ours.ok) return [{ ...unmeasured(bench.name, recipe), target: `≤ 1; octet: ${ours.reason}` }];
    times.ours.push(ours.wallS);
    times.theirs.push(theirs.wallS);
    times.calls.push(theirs.callS);
  }
  const [ours, theirs, call] = [median(times.ours), median(times.theirs), median(times.calls)];
  const target = `≤ 1 (${ours.toFixed(2)} of ${theirs.toFixed(2)} s, of which its call alone ${call.toFixed(2)} s)`;
  return [{ ...unmeasured(bench.name, recipe), value: ours / theirs, target, ok: ours <= theirs }];
}

function unmeasured(model: string, recipe: SharedRecipe): BenchRow {
  const name = `${model}, ${recipe}: time over the reference's`;
  return { name, value: Number.NaN, unit: '×', target: '', ok: false };
}
