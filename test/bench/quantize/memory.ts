/**
 * Section `memory`: the most that a calibration holds (VmHWM of its process, everything included). It must not grow with the number of
 * samples, and is compared with the reference's on the same model, recipe and samples. First come the floors of both languages, because a
 * small model's total is mostly that.
 */
import { join } from 'node:path';
import { hasEnvironment } from '../../peers/environment.ts';
import type { BenchRow } from '../sections.ts';
import { type BenchCase, fileNameOf } from './bench-case.ts';
import { writeCaseData } from './case-data.ts';
import { chooseCases } from './cases.ts';
import { type Floors, floorsText, measureFloors } from './floors.ts';
import { writeNpyFolder } from './npy-folder.ts';
import { runQuantize } from './octet-process.ts';
import { foldForReference, runOurs, runTheirs, type SharedRecipe, sharedRecipes } from './same-recipe.ts';

const [few, many] = [64, 4096];
const observers = ['min-max', 'mse', 'entropy', 'percentile'] as const;

export async function* benchMemory(work: string, models: readonly string[]): AsyncGenerator<BenchRow> {
  const cases = chooseCases(models);
  // The one set that has so many samples.
  const growth = cases.find(({ name }) => name === 'fashion/dscnn');
  if (growth) yield* growthRows(growth, work);
  if (!hasEnvironment('venv')) {
    yield { ...unmeasured('every model', 'min-max'), target: '≤ 0.5; needs npm run peers first' };
    return;
  }
  const floors = await measureFloors(work);
  console.log(`  ${floorsText(floors)}`);
  for (const bench of cases) yield* againstReference(bench, work, floors);
}

async function* growthRows(bench: BenchCase, work: string): AsyncGenerator<BenchRow> {
  const { test } = await bench.open();
  const folder = await writeNpyFolder(join(work, 'many'), { ...test, count: many, labels: undefined });
  // The first process after a change compiles the sources and keeps them, which takes memory of its own.
  await runQuantize(bench.modelPath, join(work, 'growth.onnx'), ['--recipe', 'dynamic']);
  for (const observer of observers) {
    const run = (samples: number) => {
      const words = ['--recipe', 'static', '--observer', observer, '--data', folder, '--samples', `${samples}`];
      return runQuantize(bench.modelPath, join(work, 'growth.onnx'), words);
    };
    const [first, second] = [await run(few), await run(many)];
    const value = second.ok ? (second.peakBytes / first.peakBytes - 1) * 100 : Number.NaN;
    const sizes = second.ok ? `${mebibytes(first.peakBytes)} → ${mebibytes(second.peakBytes)} MiB` : second.reason;
    yield {
      ...{ name: `${bench.name}, ${observer}: peak of ${many} samples over ${few}`, value, unit: '%' },
      ...{ target: `≤ 10 (${sizes})`, ok: value <= 10 },
    };
  }
}

type Peaks = { readonly ours: number; readonly theirs: number };

async function* againstReference(bench: BenchCase, work: string, floors: Floors): AsyncGenerator<BenchRow> {
  const { calibration } = await writeCaseData(bench, join(work, fileNameOf(bench)));
  for (const recipe of Object.keys(sharedRecipes) as SharedRecipe[]) {
    const peaks = await peaksOf(bench, recipe, calibration, work);
    if (peaks) yield peakRow(bench.name, recipe, peaks, floors);
  }
}

function peakRow(model: string, recipe: SharedRecipe, peaks: Peaks | string, { engineBytes }: Floors): BenchRow {
  const row = unmeasured(model, recipe);
  if (typeof peaks === 'string') return { ...row, target: `≤ 0.5; ${peaks}` };
  const value = peaks.ours / peaks.theirs;
  const totals = `${mebibytes(peaks.ours)} of ${mebibytes(peaks.theirs)} MiB`;
  const isOutOfReach = engineBytes > peaks.theirs / 2;
  const why = isOutOfReach
    ? `; out of reach: Node.js with ONNX Runtime alone is ${(engineBytes / peaks.theirs).toFixed(2)}`
    : '';
  return { ...row, value, target: `≤ 0.5 (${totals}${why})`, ok: value <= 0.5 };
}

/** @returns why ours could not; undefined where the reference cannot or is not here: there is nothing to compare with. */
async function peaksOf(
  bench: Pick<BenchCase, 'modelPath'>,
  recipe: SharedRecipe,
  data: string,
  work: string,
): Promise<Peaks | string | undefined> {
  const folded = await foldForReference(bench, work);
  const theirs = folded && (await runTheirs(folded, recipe, data, work));
  if (!theirs) return undefined;
  const ours = await runOurs(bench.modelPath, recipe, data, work);
  return ours.ok ? { ours: ours.peakBytes, theirs: theirs.peakBytes } : `octet: ${ours.reason}`;
}

function unmeasured(model: string, recipe: SharedRecipe): BenchRow {
  const name = `${model}, ${recipe}: peak over the reference's`;
  return { name, value: Number.NaN, unit: '×', target: '', ok: false };
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
