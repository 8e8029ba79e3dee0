/** Peak memory of `octet quantize --recipe qat` on the bundled model, the whole process, as the kernel counts it (VmHWM). */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundledFolder } from '../../../models/bundled.ts';
import { runQuantize } from '../quantize/octet-process.ts';
import type { BenchRow } from '../sections.ts';

export async function benchMemory(): Promise<readonly BenchRow[]> {
  const model = bundledFolder('watch-exercise');
  const recordings = join(model, 'recordings');
  const names = (await readdir(recordings)).filter((name) => name.startsWith('p01'));
  const work = await mkdtemp(join(tmpdir(), 'octet-bench-'));
  try {
    const words = ['--recipe', 'qat', '--steps', '10', '--layer-steps', '10', '--data'];
    const run = await runQuantize(model, join(work, 'qat.onnx'), [
      ...words,
      ...names.map((name) => join(recordings, name)),
    ]);
    if (!run.ok) throw new Error(run.reason);
    const value = run.peakBytes / 1e6;
    const name = 'training the bundled model for int8, batches of 64';
    return [{ name, value, unit: 'MB', target: '< 350', ok: value < 350 }];
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
