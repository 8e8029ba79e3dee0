/**
 * Bytes that are read when they are needed: a part of a file, or a buffer. A file is opened for each read, with read-ahead,
 * so that nothing has to be closed and reading in order costs one system call per block rather than per sample.
 */
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { OctetError } from '../base/errors.ts';
import { readError } from '../base/files.ts';

const readAheadBytes = 256 * 1024;
/** Header and trailer of an empty gzip file. */
const minGzipBytes = 18;

export type ByteSource = {
  readonly length: number;
  /** The bytes at `offset`, valid until the next read: copy what is kept, at once. The range must lie inside the source. */
  read(offset: number, length: number): Promise<Uint8Array>;
};

export function byteSourceOfBuffer(bytes: Uint8Array): ByteSource {
  return { length: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

type Block = { readonly offset: number; readonly bytes: Uint8Array<ArrayBuffer> };

/**
 * The part of the file at `path` that starts at `start` and is `length` bytes long. One block is read into again and
 * again: new ones would pile up, because nothing so small makes the garbage collector look at old objects.
 */
export function byteSourceOfFile(path: string, start: number, length: number): ByteSource {
  let block: Block = { offset: 0, bytes: new Uint8Array() };
  return {
    length,
    async read(offset, wanted) {
      const from = offset - block.offset;
      if (from >= 0 && from + wanted <= block.bytes.length) return block.bytes.subarray(from, from + wanted);
      const ahead = Math.min(Math.max(wanted, readAheadBytes), length - offset);
      const { buffer } = block.bytes;
      // Nobody else's while it is filled: a read at the same time gets a block of its own.
      block = { offset: 0, bytes: new Uint8Array() };
      const bytes = buffer.byteLength < ahead ? new Uint8Array(ahead) : new Uint8Array(buffer, 0, ahead);
      await readInto(path, start + offset, bytes);
      block = { offset, bytes };
      return bytes.subarray(0, wanted);
    },
  };
}

/** A gzip file: inflated on first use, and held only as long as the memory is not needed elsewhere. */
export async function byteSourceOfGzip(path: string): Promise<ByteSource> {
  const size = await fileSize(path);
  if (size < minGzipBytes) throw cutShort(path, `a gzip file of at least ${minGzipBytes} bytes`, size);
  // RFC 1952, 2.3.1: the last four bytes are the inflated size.
  const length = Buffer.from(await readRange(path, size - 4, 4)).readUInt32LE();
  let inflated: WeakRef<Uint8Array> = new WeakRef(new Uint8Array());
  return {
    length,
    async read(offset, wanted) {
      const held = inflated.deref();
      const bytes = held?.length === length ? held : await inflateFile(path, size, length);
      inflated = new WeakRef(bytes);
      return bytes.subarray(offset, offset + wanted);
    },
  };
}

async function inflateFile(path: string, size: number, length: number): Promise<Uint8Array> {
  const packed = await readRange(path, 0, size);
  const bytes = await promisify(gunzip)(packed, { maxOutputLength: Math.max(length, 1) }).catch((cause) => {
    throw new OctetError('DATA_INVALID', `${path}: expected gzip data, got ${(cause as Error).message}`, { cause });
  });
  if (bytes.length !== length) throw cutShort(path, `${length} bytes inflated`, bytes.length);
  return bytes;
}

/** @throws FILE_NOT_FOUND, FILE_UNREADABLE; DATA_INVALID when the file ends before the range does. */
export async function readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await readInto(path, offset, bytes);
  return bytes;
}

/** Fills all of `bytes`. */
async function readInto(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r').catch((error) => Promise.reject(readError(path, 'data', error)));
  try {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
    if (bytesRead < bytes.length) throw cutShort(path, `${bytes.length} bytes at offset ${offset}`, bytesRead);
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

function cutShort(path: string, expected: string, gotBytes: number): OctetError {
  return new OctetError('DATA_INVALID', `${path}: expected ${expected}, got ${gotBytes}`, {
    hint: 'The file is cut short; copy or write it again.',
  });
}
