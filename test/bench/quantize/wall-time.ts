/**
 * Section `time`: how long a calibration takes with the same recipe and samples, in turns. Starting the process is part of it on
 * both sides: it is what a user waits for. Processor time stands beside it, which other work on the machine leaves alone.
 */
import { join } from 'node:path';
import { median } from '../../../runtime/measure/statistics.ts';
import type { ReferenceRun } from '../../peers/reference.ts';
import type { BenchRow } from '../sections.ts';
import { type BenchCase, fileNameOf } from './bench-case.ts';
import { writeCaseData } from './case-data.ts';
import { chooseCases } from './cases.ts';
import type { QuantizeRun } from './octet-process.ts';
import { foldForReference, runOurs, runTheirs, type SharedRecipe, sharedRecipes } from './same-recipe.ts';

const turns = 3;

export async function* benchTime(work: string, models: readonly string[]): AsyncGenerator<BenchRow> {
  for (const bench of chooseCases(models)) {
    const folded = await foldForReference(bench, work);
    if (folded === undefined) {
      yield { ...unmeasured('every model', 'min-max'), target: '≤ 1; needs npm run peers first' };
      return;
    }
    const { calibration } = await writeCaseData(bench, join(work, fileNameOf(bench)));
    for (const recipe of Object.keys(sharedRecipes) as SharedRecipe[])
      yield* await timeRows(bench, recipe, folded, calibration, work);
  }
}

/** No row where the reference cannot do it: there is nothing to compare with. */
async function timeRows(
  bench: BenchCase,
  recipe: SharedRecipe,
  folded: string,
  data: string,
  work: string,
): Promise<BenchRow[]> {
  const ours: QuantizeRun[] = [];
  const theirs: ReferenceRun[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const their = await runTheirs(folded, recipe, data, work);
    if (!their) return [];
    const our = await runOurs(bench.modelPath, recipe, data, work);
    if (!our.ok) return [{ ...unmeasured(bench.name, recipe), target: `≤ 1; octet: ${our.reason}` }];
    ours.push(our);
    theirs.push(their);
  }
  const of = <T>(runs: readonly T[], cost: (run: T) => number) => median(runs.map(cost));
  const [our, their] = [of(ours, ({ wallS }) => wallS), of(theirs, ({ wallS }) => wallS)];
  const call = of(theirs, ({ callS }) => callS);
  const processor = of(ours, ({ cpuS }) => cpuS) / of(theirs, ({ cpuS }) => cpuS);
  const target = `≤ 1 (${our.toFixed(2)} of ${their.toFixed(2)} s, of which its call alone ${call.toFixed(2)}; processor time ${processor.toFixed(2)})`;
  return [{ ...unmeasured(bench.name, recipe), value: our / their, target, ok: our <= their }];
}

function unmeasured(model: string, recipe: SharedRecipe): BenchRow {
  const name = `${model}, ${recipe}: time over the reference's`;
  return { name, value: Number.NaN, unit: '×', target: '', ok: false };
}
