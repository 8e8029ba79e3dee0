/** A benchmark of what runs in a slot: `octet bench`, on the windows that the device itself recorded where there are any. */
import type { Clock } from '../../runtime/base/clock.ts';
import { runBench } from '../../runtime/measure/bench.ts';
import type { BenchReport } from '../../runtime/measure/bench-report.ts';
import type { BenchWork } from './performers.ts';

export function measureWork(
  { modelPath, model, recording, threads, durationMs }: BenchWork,
  tools: { clock: Clock; onProgress: (fraction: number) => void },
): Promise<BenchReport> {
  const { task, pipeline, featuresPath } = model;
  const features = featuresPath === undefined ? {} : { featuresPath };
  return runBench(
    {
      ...{ model: modelPath, modelPath, mode: 'single-stream', batch: 1, threads, durationMs, sustainedMs: 0 },
      ...(recording === null ? {} : { data: { paths: [recording], task, pipeline, ...features } }),
    },
    tools,
  );
}
