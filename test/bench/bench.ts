/**
 * What `octet bench` adds to what it measures: its p50 against that of a bare loop over ONNX Runtime's session, processes of
 * both in turn, because a shared machine drifts by more than the difference that is looked for.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundledFolder } from '../../models/bundled.ts';
import { nodeOptions, programPath } from '../../runtime/base/children.ts';
import type { BenchReport } from '../../runtime/measure/bench-report.ts';
import { median } from '../../runtime/measure/statistics.ts';
import type { BenchRow } from './sections.ts';

const rounds = 7;
const durationMs = 1500;

export async function benchBench(): Promise<BenchRow[]> {
  const model = join(bundledFolder('watch-exercise'), 'model.onnx');
  const [ratios, disturbed]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    // Who goes first changes, so that a drift does not favour one.
    const isBareFirst = round % 2 === 0;
    const before = isBareFirst ? await bareP50Us(model) : undefined;
    const report = await octetBench(model);
    const bareUs = before ?? (await bareP50Us(model));
    ratios.push(report.latency.p50.valueUs / bareUs);
    disturbed.push(report.windows.filter(({ disturbances }) => disturbances.length > 0).length / report.windows.length);
  }
  const ratio = median(ratios);
  return [
    {
      name: `octet bench p50 over a bare loop's, median of ${rounds} pairs`,
      value: ratio,
      unit: '×',
      target: '0.95 to 1.05',
      ok: ratio >= 0.95 && ratio <= 1.05,
    },
    {
      name: 'windows that were disturbed, median',
      value: median(disturbed) * 100,
      unit: '%',
      target: '(stated)',
      ok: true,
    },
  ];
}

async function bareP50Us(model: string): Promise<number> {
  const { stdout } = await start([join(import.meta.dirname, 'bench', 'bare-loop-child.ts'), model, String(durationMs)]);
  return Number(stdout);
}

async function octetBench(model: string): Promise<BenchReport> {
  const { stdout } = await start([programPath(), 'bench', model, '--duration', `${durationMs}ms`, '--json']);
  return JSON.parse(stdout) as BenchReport;
}

/** Both are started as Octet starts its own children. */
function start(words: readonly string[]) {
  const { execPath, execArgv, env } = nodeOptions();
  return promisify(execFile)(execPath, [...execArgv, ...words], { env });
}
