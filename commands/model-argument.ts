/** What MODEL stands for on a command line: an .onnx file, or a folder with a manifest that says more about it. */
import { stat } from 'node:fs/promises';
import { type ModelFolder, readManifest } from '../models/manifest.ts';
import { readError } from '../runtime/base/files.ts';

export type ModelArgument = Pick<ModelFolder, 'modelPath'> &
  Partial<Pick<ModelFolder, 'featuresPath' | 'pipeline' | 'task' | 'budget'>>;

/** @throws FILE_NOT_FOUND, MANIFEST_INVALID */
export async function readModelArgument(path: string): Promise<ModelArgument> {
  const info = await stat(path).catch((error) => Promise.reject(readError(path, 'model', error)));
  return info.isDirectory() ? readManifest(path) : { modelPath: path };
}
