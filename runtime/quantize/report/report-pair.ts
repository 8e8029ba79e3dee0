/** Everything the page tells, gathered, and the page written. */
import { writeFileAtomic } from '../../base/files.ts';
import type { Samples } from '../../data/samples.ts';
import { engineVersion } from '../../engine/session.ts';
import type { CompareOptions } from '../inspect/compare-models.ts';
import { inspectPair } from '../inspect/inspect-pair.ts';
import { recipeBeside } from '../inspect/recipe-beside.ts';
import type { FullReport } from './full-report.ts';
import { measureLatency } from './latency.ts';
import { renderPage } from './page.ts';

export type ReportOptions = Omit<CompareOptions, 'histograms'> & {
  /** Where the page goes. */
  readonly path: string;
};

/**
 * Compares both models (`inspectPair`), times them against each other in a process of their own for about six seconds, and
 * writes one self-contained HTML page.
 * @throws what `inspectPair` throws; DISK_FULL, WRITE_FAILED; the signal's reason, and then nothing is written.
 */
export async function reportPair(
  floatPath: string,
  quantizedPath: string,
  samples: Samples,
  { path, onProgress, signal }: ReportOptions,
): Promise<FullReport> {
  const pair = await inspectPair(floatPath, quantizedPath, samples, {
    histograms: true,
    ...(onProgress ? { onProgress: (fraction: number, detail: string) => onProgress(fraction / 2, detail) } : {}),
    ...(signal ? { signal } : {}),
  });
  onProgress?.(0.5, 'timing both models');
  const report = {
    ...pair,
    latency: await measureLatency(floatPath, quantizedPath, samples, signal),
    recipe: await recipeBeside(quantizedPath),
    machine: `onnxruntime ${engineVersion}, ${process.platform} ${process.arch}`,
  };
  await writeFileAtomic(path, renderPage(report));
  return report;
}
