/** Samples as a folder of .npy, the one form that both quantisers read: from disk, row by row, so that neither holds the set. */
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Samples } from '../../../runtime/data/samples.ts';
import type { Tensor } from '../../../runtime/graph/tensor.ts';
import { int64Npy, npyBytes } from '../../runtime/data/npz-writer.ts';

/** NumPy's names of the types that models of the bench take. */
const descriptions = { float32: '<f4', int64: '<i8' } as const;

/** `<input>.npy` for each input, [samples, *dims of a batch of one], and `y.npy` where there are labels. @returns `folder`. */
export async function writeNpyFolder(folder: string, samples: Samples): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const name of Object.keys(await samples.feeds(0))) await writeInput(join(folder, `${name}.npy`), name, samples);
  if (samples.labels) await writeFile(join(folder, 'y.npy'), int64Npy(samples.labels));
  return folder;
}

async function writeInput(path: string, name: string, samples: Samples): Promise<void> {
  await using file = await open(path, 'w');
  for (let index = 0; index < samples.count; index++) {
    const tensor = (await samples.feeds(index))[name]!;
    if (index === 0) await file.write(headerFor(tensor, samples.count));
    await file.write(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
  }
}

function headerFor({ type, dims }: Tensor, count: number): Buffer {
  if (type !== 'float32' && type !== 'int64') throw new Error(`expected float32 or int64, got ${type}`);
  return npyBytes({ descr: descriptions[type], shape: [count, ...dims] }, new Uint8Array());
}
