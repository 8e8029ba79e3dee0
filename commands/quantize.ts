/** `octet quantize`: one recipe on one model, with a table of what ONNX Runtime really runs in int8. */
import type { Command } from 'commander';
import { systemClock } from '../runtime/base/clock.ts';
import { watchInterrupt } from './interrupt.ts';
import { readModelArgument } from './model-argument.ts';
import { progressLine } from './progress-line.ts';
import { type QuantizeResult, quantizeFile } from './quantize-file.ts';
import { quantizeLines } from './quantize-lines.ts';
import { addQuantizeOptions, type QuantizeOptions } from './quantize-options.ts';
import { refuseReportWithoutData, writeReport } from './quantize-report.ts';

export function define(command: Command): void {
  addQuantizeOptions(command).action(run);
}

async function run(path: string, options: QuantizeOptions): Promise<void> {
  const progress = progressLine(process.stderr, systemClock);
  try {
    refuseReportWithoutData(options);
    const result = await quantizeUnlessInterrupted(path, options, progress.show);
    await reportUnlessInterrupted(path, options, progress.show);
    progress.end();
    print(result, options);
  } finally {
    progress.end();
  }
}

async function quantizeUnlessInterrupted(
  path: string,
  options: QuantizeOptions,
  onProgress: (fraction: number, detail: string) => void,
): Promise<QuantizeResult> {
  using interrupt = watchInterrupt('interrupted; nothing was written');
  return await quantizeFile(path, options, { onProgress, signal: interrupt.signal });
}

/** An interrupt takes back nothing that was written before. */
async function reportUnlessInterrupted(
  path: string,
  options: QuantizeOptions,
  onProgress: (fraction: number, detail: string) => void,
): Promise<void> {
  using interrupt = watchInterrupt(`interrupted; ${options.output} is written, ${options.report} is not`);
  await writeReport(await readModelArgument(path), options, { onProgress, signal: interrupt.signal });
}

function print(result: QuantizeResult, { json }: QuantizeOptions): void {
  process.stdout.write(`${json ? JSON.stringify(result) : quantizeLines(result).join('\n')}\n`);
}
