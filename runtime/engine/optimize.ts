/**
 * ONNX Runtime's own optimiser as a function from model to model. It leaves through a file, because that is the only way
 * out that it offers.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { readInput } from '../base/files.ts';
import { type ParseOptions, parseModel } from '../graph/load.ts';
import type { Model } from '../graph/model.ts';
import { openSession } from './session.ts';
import { type OptimizationLevel, type SessionOptions, withoutPrepacking } from './session-options.ts';

/**
 * The model as ONNX Runtime would run it at `level`. `basic` folds constants and batch normalisation and stays standard
 * ONNX; `extended` fuses into `com.microsoft` operators; `layout` and `all` also choose layouts and kernels for this
 * machine's processor, so their result tells what runs here and is not for another machine.
 * Opens a session: a long-lived process leaves it to a child.
 * @param source a path (external data is found beside it, also by the result), or a model's bytes.
 * @throws what `openSession` and `parseModel` throw.
 */
export async function optimizeModel(
  source: string | Uint8Array,
  level: OptimizationLevel,
  options: Pick<SessionOptions, 'config'> = {},
): Promise<Model> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-optimize-'));
  try {
    const optimizedPath = join(folder, 'optimized.onnx');
    const session = await openSession(source, {
      ...options,
      level,
      optimizedPath,
      config: { ...withoutPrepacking, ...options.config },
    });
    await session.close();
    const { buffer, byteOffset, byteLength } = await readInput(optimizedPath, 'optimised model');
    return parseModel(new Uint8Array(buffer, byteOffset, byteLength), whereFrom(source, level));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Weights that the optimiser did not touch are still references to files beside the original. */
function whereFrom(source: string | Uint8Array, level: OptimizationLevel): ParseOptions {
  if (typeof source !== 'string') return { origin: `model (optimised: ${level})` };
  return { origin: `${source} (optimised: ${level})`, folder: dirname(resolve(source)) };
}
