/**
 * Section `memory`: the most that a calibration holds (VmHWM of its process, everything included). It must not grow with the number of
 * samples, and is compared with the reference's on the same model, recipe and samples. Beside each total stands the increment
 * over a model of one node, because a small model's total is that of the language it runs in.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeModel } from '../../../runtime/graph/save.ts';
import { conv, modelFrom, noise, noiseSamples } from '../../runtime/quantize/small-models.ts';
import type { BenchRow } from '../run.ts';
import { type BenchCase, fileNameOf } from './bench-case.ts';
import { writeCaseData } from './case-data.ts';
import { chooseCases } from './cases.ts';
import { writeNpyFolder } from './npy-folder.ts';
import { runQuantize } from './octet-process.ts';
import { foldForReference, runOurs, runTheirs, type SharedRecipe, sharedRecipes } from './same-recipe.ts';

const [few, many] = [64, 4096];
const observers = ['min-max', 'mse', 'entropy', 'percentile'] as const;

export async function benchMemory(work: string, models: readonly string[]): Promise<BenchRow[]> {
  const cases = chooseCases(models);
  // The one set that has so many samples.
  const growth = cases.find(({ name }) => name === 'fashion/dscnn');
  const rows = growth ? await growthRows(growth, work) : [];
  const floor = await floorPeaks(work);
  if (!floor) return [...rows, { ...unmeasured('every model', 'min-max'), target: '≤ 0.5; needs npm run peers first' }];
  for (const bench of cases) rows.push(...(await againstReference(bench, work, floor)));
  return rows;
}

async function growthRows(bench: BenchCase, work: string): Promise<BenchRow[]> {
  const { test } = await bench.open();
  const folder = await writeNpyFolder(join(work, 'many'), { ...test, count: many, labels: undefined });
  const rows: BenchRow[] = [];
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
    rows.push({
      ...{ name: `${bench.name}, ${observer}: peak of ${many} samples over ${few}`, value, unit: '%' },
      ...{ target: `≤ 10 (${sizes})`, ok: value <= 10 },
    });
  }
  return rows;
}

type Peaks = { readonly ours: number; readonly theirs: number };

async function againstReference(bench: BenchCase, work: string, floor: Peaks): Promise<BenchRow[]> {
  const { calibration } = await writeCaseData(bench, join(work, fileNameOf(bench)));
  const rows: BenchRow[] = [];
  for (const recipe of Object.keys(sharedRecipes) as SharedRecipe[]) {
    const peaks = await peaksOf(bench, recipe, calibration, work);
    if (peaks) rows.push(peakRow(bench.name, recipe, peaks, floor));
  }
  return rows;
}

function peakRow(model: string, recipe: SharedRecipe, peaks: Peaks | string, floor: Peaks): BenchRow {
  const row = unmeasured(model, recipe);
  if (typeof peaks === 'string') return { ...row, target: `≤ 0.5; ${peaks}` };
  const value = peaks.ours / peaks.theirs;
  const totals = `${mebibytes(peaks.ours)} of ${mebibytes(peaks.theirs)} MiB`;
  const increments = `${mebibytes(peaks.ours - floor.ours)} of ${mebibytes(peaks.theirs - floor.theirs)}`;
  return { ...row, value, target: `≤ 0.5 (${totals}; over one node: ${increments})`, ok: value <= 0.5 };
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

/** One convolution, one sample: what any calibration costs. @returns undefined without the reference. */
async function floorPeaks(work: string): Promise<Peaks | undefined> {
  const dims = [1, 1, 8, 8];
  const folder = join(work, 'floor');
  await mkdir(folder);
  const modelPath = join(folder, 'model.onnx');
  await writeFile(modelPath, encodeModel(modelFrom([conv('x', 'y')], dims, { w: noise([1, 1, 3, 3]) })));
  const peaks = await peaksOf({ modelPath }, 'min-max', await writeNpyFolder(folder, noiseSamples(dims, 1)), folder);
  return typeof peaks === 'string' ? undefined : peaks;
}

function unmeasured(model: string, recipe: SharedRecipe): BenchRow {
  const name = `${model}, ${recipe}: peak over the reference's`;
  return { name, value: Number.NaN, unit: '×', target: '', ok: false };
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
