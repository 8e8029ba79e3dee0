/**
 * Section `batches`: the autoencoder of MLPerf Tiny at equal batches. LiteRT's figures are those of ../shared/data/README.md, taken on another
 * day, and are therefore compared as shares of float32's time in ONNX Runtime on either day.
 */
import { join } from 'node:path';
import { median } from '../../../runtime/measure/statistics.ts';
import type { BenchRow } from '../run.ts';
import { fileNameOf } from './bench-case.ts';
import { writeCaseData } from './case-data.ts';
import { chooseCases } from './cases.ts';
import { timeVariants } from './compare.ts';
import { autoName, collectVariants } from './variants.ts';

/**
 * LiteRT's time of a window over that of float32 in ONNX Runtime at batch 1, both as published: int8 4.05 of 28.5 µs at batch 1,
 * float 3.5 at 128. Nothing is published for 16; there the figure of 128, which can only be harder to meet, stands in.
 */
const liteRtUs: Readonly<Record<number, number>> = { 1: 4.05, 16: 3.5, 128: 3.5 };
const publishedFloat32Us = 28.5;
/** The issue asks to be ahead from 16 on; at 1 the figure is stated. */
const aheadFrom = 16;

export async function benchBatches(work: string): Promise<BenchRow[]> {
  const [bench] = chooseCases(['mlperf-tiny/anomaly-autoencoder']);
  if (!bench) return [];
  const folders = await writeCaseData(bench, join(work, fileNameOf(bench)));
  const { variants, missing } = await collectVariants(bench, folders, work);
  const auto = variants.findIndex(({ name }) => name === autoName);
  const why = missing.find(({ name }) => name === autoName)?.reason;
  const rows: BenchRow[] = [];
  let float32Us = Number.NaN;
  for (const [batch, liteRt] of Object.entries(liteRtUs).map(([key, us]) => [Number(key), us] as const)) {
    const rounds = await timeVariants(folders.test, variants, batch);
    const perWindow = variants.map((_, index) => median(rounds.map((round) => round[index]!)) / batch);
    if (batch === 1) float32Us = perWindow[0]!;
    const limit = (liteRt / publishedFloat32Us) * float32Us;
    const value = perWindow[auto] ?? Number.NaN;
    const all = variants.map(({ name }, index) => `${name} ${perWindow[index]!.toFixed(2)}`).join(', ');
    console.log(`  batch ${batch}, µs a window: ${all}`);
    rows.push({
      ...{ name: `autoencoder, batch ${batch}: auto, a window`, value, unit: 'µs' },
      target: `${batch < aheadFrom ? '(stated) ' : ''}≤ ${limit.toFixed(2)} (LiteRT, cited)${why ? `; auto: ${why}` : ''}`,
      ok: auto >= 0 && (batch < aheadFrom || value <= limit),
    });
  }
  return rows;
}
