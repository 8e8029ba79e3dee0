/** Writes a float32 array in NumPy's format, version 1.0, for tests that need data on disk. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Tensor } from '../../../runtime/graph/tensor.ts';

export async function writeNpy(path: string, { dims, data }: Tensor<'float32'>): Promise<void> {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dims.map((size) => `${size},`).join(' ')}), }`;
  // Magic, version and length take 10 bytes; the header ends with a newline at a multiple of 64.
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length % 256, padded.length >> 8]);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, Buffer.concat([start, Buffer.from(padded), new Uint8Array(data.buffer)]));
}
