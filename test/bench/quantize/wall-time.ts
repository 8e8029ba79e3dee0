/** Section `time`: how long a calibration takes, start of the process included on both sides: the same recipe, the same samples. */
import { join } from 'node:path';
import { median } from '../../../runtime/measure/statistics.ts';
import type { BenchRow } from '../run.ts';
import { writeCaseData } from './case-data.ts';
import { type BenchCase, benchCases, fileNameOf } from './cases.ts';
import { runQuantize } from './octet-process.ts';
import { readPeerCosts } from './peer-costs.ts';

const runs = 3;

export async function benchTime(work: string, models: readonly string[]): Promise<BenchRow[]> {
  const wanted = benchCases().filter(({ name }) => models.length === 0 || models.some((part) => name.includes(part)));
  const rows: BenchRow[] = [];
  for (const bench of wanted) rows.push(await timeRow(bench, work));
  return rows;
}

async function timeRow(bench: BenchCase, work: string): Promise<BenchRow> {
  const name = `${bench.name}: static min-max, time over the reference's`;
  const theirs = (await readPeerCosts(bench))?.['static-u8s8'];
  if (!theirs) return { name, value: Number.NaN, unit: '×', target: '≤ 1; npm run peers has not been run', ok: false };
  const { calibration } = await writeCaseData(bench, join(work, fileNameOf(bench)));
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const words = ['--recipe', 'static', '--data', calibration];
    times.push((await runQuantize(bench.modelPath, join(work, 'time.onnx'), words)).wallS);
  }
  const value = median(times) / theirs.wallS;
  const both = `${median(times).toFixed(2)} of ${theirs.wallS.toFixed(2)} s, of which its call ${theirs.callS.toFixed(2)} s`;
  return { name, value, unit: '×', target: `≤ 1 (${both}; theirs from npm run peers)`, ok: value <= 1 };
}
