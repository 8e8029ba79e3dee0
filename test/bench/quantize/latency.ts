/** Section `latency`: what `auto` reaches on every model, beside float32 and the reference's best. */
import { join } from 'node:path';
import type { BenchRow } from '../sections.ts';
import { fileNameOf } from './bench-case.ts';
import { writeCaseData } from './case-data.ts';
import { chooseCases } from './cases.ts';
import { type Compared, type Comparison, compare, keepsAccuracy } from './compare.ts';
import { comparisonLines } from './comparison-table.ts';
import { autoName, collectVariants } from './variants.ts';

/** @param models names or parts of names; all when empty. */
export async function benchLatency(work: string, models: readonly string[]): Promise<BenchRow[]> {
  const comparisons: Comparison[] = [];
  for (const bench of chooseCases(models)) {
    const folders = await writeCaseData(bench, join(work, fileNameOf(bench)));
    const { variants, missing } = await collectVariants(bench, folders, work);
    const comparison = await compare(bench, folders, variants, missing);
    console.log(`\n${comparisonLines(comparison).join('\n')}`);
    comparisons.push(comparison);
  }
  console.log();
  return [...comparisons.flatMap(rowsOf), ...meanRows(comparisons), ...comparisons.flatMap(tinyResnetRows)];
}

/** "Within 2 %" of the better one. */
const leastSpeedup = 0.98;

function rowsOf(comparison: Comparison): BenchRow[] {
  const { bench, best } = comparison;
  const auto = autoOf(comparison);
  const speedup = auto?.speedupOverBest ?? Number.NaN;
  const latency = {
    ...{ name: `${bench.name}: auto over ${best.name}`, value: speedup, unit: '×' },
    ...{ target: `≥ ${leastSpeedup}${whyNot(comparison)}`, ok: speedup >= leastSpeedup },
  };
  return comparison.rows[0]!.accuracy.top1 === null ? [latency] : [latency, accuracyRow(comparison, auto)];
}

function accuracyRow(comparison: Comparison, auto: Compared | undefined): BenchRow {
  const counts =
    auto && `${auto.accuracy.lost} lost, ${auto.accuracy.gained} gained, p ${auto.accuracy.pWorse.toFixed(3)}`;
  return {
    name: `${comparison.bench.name}: accuracy that auto loses`,
    value: auto?.accuracy.lostPoints ?? Number.NaN,
    unit: 'points',
    target: `≤ 0.5, p > 0.05${counts ? ` (${counts})` : whyNot(comparison)}`,
    ok: auto !== undefined && keepsAccuracy(auto.accuracy),
  };
}

function meanRows(comparisons: readonly Comparison[]): BenchRow[] {
  const heavy = comparisons.filter(({ heavyShare }) => heavyShare > 0.5);
  return [
    meanRow('all models', comparisons, 1.05),
    meanRow('models that are mostly convolutions or products', heavy, 1.15),
  ];
}

function meanRow(which: string, comparisons: readonly Comparison[], least: number): BenchRow {
  const logs = comparisons.map((comparison) => Math.log(autoOf(comparison)?.speedupOverBest ?? Number.NaN));
  const value = Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
  const target = `≥ ${least} (geometric mean of ${logs.length})`;
  return { name: `auto over the better one, ${which}`, value, unit: '×', target, ok: value >= least };
}

function tinyResnetRows(comparison: Comparison): BenchRow[] {
  if (comparison.bench.name !== 'mlperf-tiny/resnet8') return [];
  const value = 1 / (autoOf(comparison)?.speedup ?? Number.NaN);
  const name = "MLPerf Tiny resnet8: auto's time over float32's";
  return [{ name, value, unit: '×', target: '≤ 0.62', ok: value <= 0.62 }];
}

function autoOf({ rows }: Comparison): Compared | undefined {
  return rows.find(({ name }) => name === autoName);
}

function whyNot({ missing }: Comparison): string {
  const reason = missing.find(({ name }) => name === autoName)?.reason;
  return reason === undefined ? '' : `; auto: ${reason}`;
}
