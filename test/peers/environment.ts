/** The Python side's own virtual environment, made once under node_modules and kept: `npm ci` removes it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { peersFolder } from '../bench/quantize/variants.ts';

/** The reference is onnxruntime.quantization of the very version that Octet runs on. */
const packages = ['onnxruntime==1.30.0', 'onnx==1.23.2', 'numpy==2.4.6'];

const venv = join(peersFolder, 'venv');
const python = join(venv, 'bin/python');
/** Made last, so that an installation that was interrupted is made again. */
const marker = join(venv, packages.join('_'));

export function hasEnvironment(): boolean {
  return existsSync(marker);
}

/** Makes the environment unless it is there. @throws when Python 3, its venv module or the package index is missing. */
export async function prepareEnvironment(): Promise<void> {
  if (hasEnvironment()) return;
  await mkdir(peersFolder, { recursive: true });
  run('python3', ['-m', 'venv', '--clear', venv]);
  run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
  await mkdir(marker);
}

export type ReferenceRun = {
  /** The whole process: starting Python and importing are part of what a user waits for. */
  readonly wallS: number;
  /** The quantiser's call alone. */
  readonly callS: number;
  /** VmHWM of the process. */
  readonly peakBytes: number;
};

/** One call of reference.py. @returns its last words where it failed. */
export async function runReference(words: readonly string[]): Promise<ReferenceRun | { readonly reason: string }> {
  const startMs = performance.now();
  const child = spawn(python, [join(import.meta.dirname, 'reference.py'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // One thread, as on our side; and ONNX Runtime reports its use to its maker unless told not to.
    env: { ...process.env, OMP_NUM_THREADS: '1', ORT_DISABLE_TELEMETRY: '1' },
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code !== 0) return { reason: stderr.trim().split('\n').at(-1) ?? `exit code ${code}` };
  const { callSeconds, peakBytes } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>;
  return { wallS: (performance.now() - startMs) / 1000, callS: callSeconds!, peakBytes: peakBytes! };
}

function run(command: string, words: readonly string[]): void {
  const { status, error } = spawnSync(command, words, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) return;
  throw new Error(`${command} ${words.join(' ')}: ${error?.message ?? `exit code ${status}`}; needs python3 with venv`);
}
