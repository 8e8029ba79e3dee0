/**
 * Section `memory`: what a calibration holds at most. It must not grow with the number of samples, and is compared with the
 * reference's on the same model, same samples, each in a process of its own (VmHWM, everything included). Beside each total stands the
 * increment over a model of one node, because a small model's total is that of the language's own runtime.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeModel } from '../../../runtime/graph/save.ts';
import { conv, modelFrom, noise, noiseSamples } from '../../runtime/quantize/small-models.ts';
import type { BenchRow } from '../run.ts';
import { writeCaseData } from './case-data.ts';
import { type BenchCase, benchCases, fileNameOf } from './cases.ts';
import { writeNpyFolder } from './npy-folder.ts';
import { runQuantize } from './octet-process.ts';
import { readFloorCost, readPeerCosts } from './peer-costs.ts';

const mebibyte = 2 ** 20;
const [few, many] = [64, 4096];
/** The one set that has so many samples. */
const growthModel = 'fashion/dscnn';
const observers = ['min-max', 'mse'] as const;

export async function benchMemory(work: string, models: readonly string[]): Promise<BenchRow[]> {
  const wanted = benchCases().filter(({ name }) => models.length === 0 || models.some((part) => name.includes(part)));
  const growth = wanted.find(({ name }) => name === growthModel);
  const floorBytes = await floorPeak(work);
  const rows = growth ? await growthRows(growth, work) : [];
  for (const bench of wanted) rows.push(...(await againstReference(bench, work, floorBytes)));
  return rows;
}

async function growthRows(bench: BenchCase, work: string): Promise<BenchRow[]> {
  const { test } = await bench.open();
  const folder = await writeNpyFolder(join(work, 'many'), { ...test, count: many, labels: undefined });
  const rows: BenchRow[] = [];
  for (const observer of observers) {
    const peak = async (samples: number) => {
      const words = ['--recipe', 'static', '--observer', observer, '--data', folder, '--samples', `${samples}`];
      return peakOf(bench.modelPath, join(work, 'growth.onnx'), words);
    };
    const [fewBytes, manyBytes] = [await peak(few), await peak(many)];
    const value = (manyBytes / fewBytes - 1) * 100;
    rows.push({
      ...{ name: `${bench.name}, ${observer}: peak of ${many} samples over ${few}`, value, unit: '%' },
      ...{ target: `≤ 10 % (${megabytes(fewBytes)} → ${megabytes(manyBytes)} MiB)`, ok: value <= 10 },
    });
  }
  return rows;
}

async function againstReference(bench: BenchCase, work: string, floorBytes: number): Promise<BenchRow[]> {
  const theirs = (await readPeerCosts(bench))?.['static-u8s8'];
  const theirFloor = await readFloorCost();
  if (!theirs || !theirFloor) return [missingPeers(bench)];
  const { calibration } = await writeCaseData(bench, join(work, fileNameOf(bench)));
  const ours = await peakOf(bench.modelPath, join(work, 'memory.onnx'), ['--recipe', 'static', '--data', calibration]);
  const value = ours / theirs.peakBytes;
  const totals = `${megabytes(ours)} of ${megabytes(theirs.peakBytes)} MiB`;
  const increments = `over one node: ${megabytes(ours - floorBytes)} of ${megabytes(theirs.peakBytes - theirFloor.peakBytes)} MiB`;
  return [
    {
      ...{ name: `${bench.name}: calibration's peak over the reference's`, value, unit: '×' },
      ...{ target: `≤ 0.5 (${totals}; ${increments})`, ok: value <= 0.5 },
    },
  ];
}

function missingPeers({ name }: BenchCase): BenchRow {
  const target = '≤ 0.5; npm run peers has not been run';
  return { name: `${name}: calibration's peak over the reference's`, value: Number.NaN, unit: '×', target, ok: false };
}

/** A model of one convolution, calibrated on one sample: what any calibration costs. @returns paths of model and data. */
export async function writeFloorCase(work: string): Promise<{ modelPath: string; calibration: string }> {
  const dims = [1, 1, 8, 8];
  const modelPath = join(work, 'floor-model.onnx');
  await writeFile(modelPath, encodeModel(modelFrom([conv('x', 'y')], dims, { w: noise([1, 1, 3, 3]) })));
  return { modelPath, calibration: await writeNpyFolder(join(work, 'floor-data'), noiseSamples(dims, 1)) };
}

async function floorPeak(work: string): Promise<number> {
  const { modelPath, calibration } = await writeFloorCase(work);
  return peakOf(modelPath, join(work, 'floor.onnx'), ['--recipe', 'static', '--data', calibration]);
}

async function peakOf(modelPath: string, outPath: string, words: readonly string[]): Promise<number> {
  const run = await runQuantize(modelPath, outPath, words);
  // A model with nothing to quantise was observed all the same.
  return run.peakBytes;
}

function megabytes(bytes: number): string {
  return (bytes / mebibyte).toFixed(0);
}
