/**
 * Bytes that are read when they are needed: a part of a file, or a buffer. A file is opened for each read, with read-ahead,
 * so that nothing has to be closed and reading in order costs one system call per block rather than per sample.
 */
import { open } from 'node:fs/promises';
import { OctetError } from '../base/errors.ts';
import { readError } from '../base/files.ts';

const readAheadBytes = 256 * 1024;

export type ByteSource = {
  readonly length: number;
  /** The bytes at `offset`, valid until the caller changes them. The range must lie inside the source. */
  read(offset: number, length: number): Promise<Uint8Array>;
};

export function byteSourceOfBuffer(bytes: Uint8Array): ByteSource {
  return { length: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

/** The part of the file at `path` that starts at `start` and is `length` bytes long. */
export function byteSourceOfFile(path: string, start: number, length: number): ByteSource {
  let block: { offset: number; bytes: Uint8Array } = { offset: 0, bytes: new Uint8Array() };
  return {
    length,
    async read(offset, wanted) {
      const from = offset - block.offset;
      if (from >= 0 && from + wanted <= block.bytes.length) return block.bytes.subarray(from, from + wanted);
      const ahead = Math.min(Math.max(wanted, readAheadBytes), length - offset);
      const bytes = await readRange(path, start + offset, ahead);
      block = { offset, bytes };
      return bytes.subarray(0, wanted);
    },
  };
}

/** @throws FILE_NOT_FOUND, FILE_UNREADABLE; DATA_INVALID when the file ends before the range does. */
export async function readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await open(path, 'r').catch((error) => Promise.reject(readError(path, 'data', error)));
  try {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await file.read(bytes, 0, length, offset);
    if (bytesRead === length) return bytes;
    throw new OctetError('DATA_INVALID', `${path}: expected ${length} bytes at offset ${offset}, got ${bytesRead}`, {
      hint: 'The file is cut short; copy or write it again.',
    });
  } finally {
    await file.close();
  }
}

/** Size of the file at `path`. @throws FILE_NOT_FOUND, FILE_UNREADABLE. */
export async function fileSize(path: string): Promise<number> {
  const file = await open(path, 'r').catch((error) => Promise.reject(readError(path, 'data', error)));
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}
