/** A comparison as a table for people. */
import pico from 'picocolors';
import type { AccuracyRow, Compared, Comparison } from './compare.ts';

const columns: readonly { readonly title: string; readonly width: number; readonly cell: (row: Compared) => string }[] =
  [
    { title: 'variant', width: -34, cell: ({ name }) => name },
    { title: 'p50 µs', width: 9, cell: ({ p50Us }) => p50Us.toFixed(1) },
    { title: '× float32', width: 10, cell: ({ speedup }) => speedup.toFixed(3) },
    { title: '× best', width: 8, cell: ({ speedupOverBest }) => speedupOverBest.toFixed(3) },
    { title: 'top-1', width: 9, cell: ({ accuracy }) => percent(accuracy.top1) },
    { title: 'lost/gained', width: 12, cell: ({ accuracy }) => changes(accuracy) },
    { title: 'p', width: 7, cell: ({ accuracy }) => (accuracy.top1 === null ? '' : accuracy.pWorse.toFixed(3)) },
    { title: 'agrees', width: 9, cell: ({ accuracy }) => agreement(accuracy) },
    { title: 'size', width: 10, cell: ({ sizeBytes }) => `${(sizeBytes / 1000).toFixed(1)} kB` },
  ];

export function comparisonLines({ bench, rows, missing, best, heavyShare }: Comparison): string[] {
  const about = [
    `${(heavyShare * 100).toFixed(0)} % of float32's node time in convolutions and matrix products`,
    `best of float32 and reference: ${best.name}`,
    ...(bench.note ? [bench.note] : []),
  ];
  return [
    `${pico.bold(bench.name)}  ${pico.dim(about.join('; '))}`,
    pico.dim(`  ${columns.map(({ title, width }) => pad(title, width)).join('')}`),
    ...rows.map((row) => `  ${columns.map(({ cell, width }) => pad(cell(row), width)).join('')}`),
    ...missing.map(({ name, reason }) => `  ${pad(name, -34)}${pico.yellow(reason)}`),
  ];
}

/** Negative: to the left. */
function pad(text: string, width: number): string {
  return width < 0 ? text.padEnd(-width) : text.padStart(width);
}

function percent(share: number | null): string {
  return share === null ? '' : `${(share * 100).toFixed(2)} %`;
}

function changes({ top1, lost, gained }: AccuracyRow): string {
  return top1 === null ? '' : `${lost}/${gained}`;
}

function agreement({ agreement: share, error }: AccuracyRow): string {
  return error === null ? percent(share) : `±${(error * 100).toFixed(2)} %`;
}
