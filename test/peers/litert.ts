/** LiteRT: .tflite files made from the models of MLPerf Tiny, and a process that times them when asked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type BenchCase, calibrationCount, fileNameOf } from '../bench/quantize/bench-case.ts';
import { peersFolder } from '../bench/quantize/variants.ts';
import { hasEnvironment, pythonOf } from './environment.ts';

/** Models that litert.py can say in TensorFlow, and the batches that they are compared at. */
export const liteRtBatches: Readonly<Record<string, readonly number[]>> = {
  'mlperf-tiny/resnet8': [1],
  'mlperf-tiny/anomaly-autoencoder': [1, 16, 128],
};

export const liteRtKinds = ['float', 'int8'] as const;

/** -P: TensorFlow looks for a module of the script's own name, and is not to find it beside the script. */
const script = ['-P', join(import.meta.dirname, 'litert.py')] as const;
const folder = join(peersFolder, 'litert');
/** TensorFlow tells much on stderr that nobody asked for. */
const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '', ORT_DISABLE_TELEMETRY: '1' };

/** By kind, the files of one batch; undefined where `npm run peers` has not made them. */
export function liteRtFiles(bench: Pick<BenchCase, 'name'>, batch: number): readonly string[] | undefined {
  const paths = liteRtKinds.map((kind) => join(folder, `${fileNameOf(bench)}.b${batch}.${kind}.tflite`));
  return hasEnvironment('litert-venv') && paths.every((path) => existsSync(path)) ? paths : undefined;
}

/** @returns how far the float file is from the ONNX model, relative; or why there is none. */
export async function convertToLiteRt(
  bench: BenchCase,
  data: string,
): Promise<{ readonly difference: number } | { readonly reason: string }> {
  await mkdir(folder, { recursive: true });
  const batches = (liteRtBatches[bench.name] ?? []).map(String);
  const words = ['convert', bench.modelPath, join(folder, fileNameOf(bench)), '--data', data];
  const more = ['--samples', `${calibrationCount}`, '--batch', ...batches];
  const child = spawn(pythonOf('litert-venv'), [...script, ...words, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code !== 0) return { reason: stderr.trim().split('\n').at(-1) ?? `exit code ${code}` };
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as { difference: number };
}

/** Medians, microseconds a call. */
export type LiteRtTime = {
  /** With the input copied in and the output copied out, as an application calls it. */
  readonly fullUs: number;
  /** The invocation alone. */
  readonly invokeUs: number;
};

export type LiteRtServer = AsyncDisposable & {
  /** @param file index of the path. */
  time(file: number, calls: number): Promise<LiteRtTime>;
};

/** @throws when the process ends early. */
export async function serveLiteRt(paths: readonly string[]): Promise<LiteRtServer> {
  const child = spawn(pythonOf('litert-venv'), [...script, 'serve', ...paths], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('LiteRT: the timing process ended early');
    return value.startsWith('{') ? JSON.parse(value) : next();
  };
  await next();
  return {
    async time(file, calls) {
      child.stdin.write(`${JSON.stringify({ file, calls })}\n`);
      return (await next()) as LiteRtTime;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
    },
  };
}
