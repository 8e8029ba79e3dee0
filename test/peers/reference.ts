/** Calls of the reference quantiser, each in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pythonOf } from './environment.ts';

export type ReferenceRun = {
  /** The whole process: starting Python and importing are part of what a user waits for. */
  readonly wallS: number;
  /** The quantiser's call alone. */
  readonly callS: number;
  /** Processor time of the process. */
  readonly cpuS: number;
  /** VmHWM of the process. */
  readonly peakBytes: number;
};

/** One call of reference.py. @returns its last words where it failed. */
export async function runReference(words: readonly string[]): Promise<ReferenceRun | { readonly reason: string }> {
  const startMs = performance.now();
  const child = spawn(pythonOf('venv'), [join(import.meta.dirname, 'reference.py'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // One thread, as on our side; and ONNX Runtime reports its use to its maker unless told not to.
    env: { ...process.env, OMP_NUM_THREADS: '1', ORT_DISABLE_TELEMETRY: '1' },
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code !== 0) return { reason: stderr.trim().split('\n').at(-1) ?? `exit code ${code}` };
  const { callSeconds, cpuSeconds, peakBytes } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<
    string,
    number
  >;
  const wallS = (performance.now() - startMs) / 1000;
  return { wallS, callS: callSeconds!, cpuS: cpuSeconds!, peakBytes: peakBytes! };
}
