/** The Python side's own virtual environments, each made once under node_modules and kept: `npm ci` removes them. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { peersFolder } from '../bench/quantize/variants.ts';

const packages = {
  /** The reference is onnxruntime.quantization of the very version that Octet runs on. */
  venv: ['onnxruntime==1.30.0', 'onnx==1.23.2', 'numpy==2.4.6'],
  /** TensorFlow converts, LiteRT runs; ONNX Runtime tells whether both models answer alike. */
  'litert-venv': [
    `${process.arch === 'arm64' ? 'tensorflow' : 'tensorflow-cpu'}==2.21.0`,
    ...['ai-edge-litert==2.3.0', 'onnxruntime==1.30.0', 'onnx==1.23.2'],
  ],
} as const satisfies Record<string, readonly string[]>;

export type EnvironmentName = keyof typeof packages;

export function pythonOf(name: EnvironmentName): string {
  return join(peersFolder, name, 'bin/python');
}

export function hasEnvironment(name: EnvironmentName): boolean {
  return existsSync(markerOf(name));
}

/** Makes the environment unless it is there. @throws when Python 3, its venv module or the package index is missing. */
export async function prepareEnvironment(name: EnvironmentName): Promise<void> {
  if (hasEnvironment(name)) return;
  await mkdir(peersFolder, { recursive: true });
  run('python3', ['-m', 'venv', '--clear', join(peersFolder, name)]);
  run(pythonOf(name), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages[name]]);
  await mkdir(markerOf(name));
}

/** Made last, so that an installation that was interrupted is made again. */
function markerOf(name: EnvironmentName): string {
  return join(peersFolder, name, packages[name].join('_'));
}

function run(command: string, words: readonly string[]): void {
  const { status, error } = spawnSync(command, words, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) return;
  throw new Error(`${command} ${words.join(' ')}: ${error?.message ?? `exit code ${status}`}; needs python3 with venv`);
}
