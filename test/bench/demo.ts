/** What is promised of the demo, from one run of `octet demo --once --json` in an empty folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DemoReport } from '../../fleet/demo/report.ts';
import { runDemo } from '../system/demo-process.ts';
import type { BenchRow } from './sections.ts';

/** Features with which int8 has its own multiply-accumulate: there it must pay. */
const int8Features = ['vnni', 'dotprod', 'i8mm'];

export async function benchDemo(): Promise<BenchRow[]> {
  const data = await mkdtemp(join(tmpdir(), 'octet-bench-'));
  try {
    const startMs = performance.now();
    const { code, stdout, stderr } = await runDemo(['--once', '--json', '--port', '0', '--data', data]);
    if (code !== 0) throw new Error(`octet demo ended with ${code}: ${stderr}`);
    return rowsFrom(JSON.parse(stdout) as DemoReport, (performance.now() - startMs) / 1000);
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

function rowsFrom({ device, rows, durationsMs }: DemoReport, totalS: number): BenchRow[] {
  const chosen = rows.find((row) => row.chosen);
  const float32 = rows.find(({ variant }) => variant === 'float32');
  const selectionS = (durationsMs.selection ?? Number.NaN) / 1000;
  const lostPoints = ((float32?.accuracy ?? Number.NaN) - (chosen?.accuracy ?? Number.NaN)) * 100;
  const speedup = chosen?.speedup ?? Number.NaN;
  const hasInt8 = device?.cpuFeatures.some((feature) => int8Features.some((name) => feature.includes(name))) ?? false;
  const least = hasInt8 ? 2 : 1;
  return [
    { name: 'demo --once, from start to exit', value: totalS, unit: 's', target: '≤ 60 s', ok: totalS <= 60 },
    {
      name: 'selection: calibrate, measure, choose',
      value: selectionS,
      unit: 's',
      target: '≤ 40 s',
      ok: selectionS <= 40,
    },
    {
      name: `speed-up of ${chosen?.variant} over float32, p50, interleaved`,
      value: speedup,
      unit: '×',
      target: hasInt8 ? '≥ 2 (VNNI or dot product)' : '≥ 1 (no int8 instructions)',
      ok: speedup >= least,
    },
    {
      name: `accuracy that ${chosen?.variant} loses, ${chosen?.heldOutWindows} held-out windows`,
      value: lostPoints,
      unit: 'points',
      target: '≤ 0.5 points',
      ok: lostPoints <= 0.5,
    },
  ];
}
