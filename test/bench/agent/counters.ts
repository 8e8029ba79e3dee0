/** What counting inputs costs a window, beside what inference takes: the watch model's windows and input. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bundledFolder } from '../../../models/bundled.ts';
import { readManifest } from '../../../models/manifest.ts';
import { openRecordings } from '../../../runtime/data/recording.ts';
import { openInference } from '../../../runtime/infer/inference.ts';
import { createInputCounters } from '../../../runtime/infer/input-counters.ts';
import { profileInputs } from '../../../runtime/infer/profile-inputs.ts';
import { median } from '../../../runtime/measure/statistics.ts';
import type { BenchRow } from '../sections.ts';

const windows = 300;
const rounds = 7;

export async function benchCounters(): Promise<BenchRow[]> {
  const folder = bundledFolder('watch-exercise');
  const { modelPath, featuresPath, pipeline, task } = await readManifest(folder);
  const recordings = join(folder, 'recordings');
  const recording = join(recordings, (await readdir(recordings)).sort()[0] ?? '');
  const optional = featuresPath === undefined ? {} : { featuresPath };
  const profile = await profileInputs({ modelPath, pipeline, recording, ...optional });
  const counters = createInputCounters(profile);
  const [first] = await openRecordings(recording);
  const window = await first!.read(0, pipeline.window.samples);
  const input = { type: 'float32', dims: [1, window.length], data: window as Float32Array<ArrayBuffer> } as const;
  const output = { type: 'float32', dims: [1, 7], data: new Float32Array(7) } as const;
  const infer = await openInference({ modelPath, pipeline, task, threads: 1, ...optional });
  const perWindowUs = async (work: () => unknown) => {
    const startMs = performance.now();
    for (let count = 0; count < windows; count += 1) await work();
    return (1000 * (performance.now() - startMs)) / windows;
  };
  const measured: { counting: number; inferring: number }[] = [];
  for (let round = 0; round <= rounds; round += 1)
    measured.push({
      counting: await perWindowUs(() => counters.count(window, input, output)),
      inferring: await perWindowUs(() => infer(window)),
    });
  const [counting, inferring] = (['counting', 'inferring'] as const).map((what) =>
    median(measured.slice(1).map((round) => round[what])),
  );
  const share = counting! / inferring!;
  return [
    { name: 'counting a window', value: counting!, unit: 'µs', target: '(stated)', ok: true },
    { name: 'features and float32 of a window', value: inferring!, unit: 'µs', target: '(stated)', ok: true },
    { name: 'counting over inferring', value: share, unit: '', target: '≤ 0.05', ok: share <= 0.05 },
  ];
}
