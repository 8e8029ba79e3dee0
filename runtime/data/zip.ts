/**
 * The entries of a zip file, from its central directory: stored ones are read in place, deflated ones are inflated whole on
 * first use and checked. Enough for what numpy.savez and numpy.savez_compressed write. Source: PKWARE APPNOTE 6.3.
 */
import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { OctetError } from '../base/errors.ts';
import { type ByteSource, byteSourceOfBuffer, byteSourceOfFile, fileSize, readRange } from './bytes.ts';

const signatures = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50 } as const;
/** Fixed part of the end record, and the longest comment that may follow it. */
const endBytes = 22;
const maxCommentBytes = 0xffff;
/** The value of a 32-bit field whose true value is in a zip64 record. */
const movedToZip64 = 0xffffffff;

type Entry = {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly localOffset: number;
};

/** Entry name → its bytes, opened when called. @throws DATA_INVALID when `path` is not a zip file that can be read. */
export async function openZip(path: string): Promise<Map<string, () => Promise<ByteSource>>> {
  const size = await fileSize(path);
  const tailBytes = Math.min(size, endBytes + maxCommentBytes);
  const tail = Buffer.from(await readRange(path, size - tailBytes, tailBytes));
  const end = findEnd(tail, path);
  const offset = tail.readUInt32LE(end + 16);
  const length = tail.readUInt32LE(end + 12);
  if (offset === movedToZip64) throw invalid(path, 'expected a zip file below 4 GiB, got zip64');
  if (offset + length > size)
    throw invalid(path, `expected a central directory inside ${size} bytes, got ${offset} + ${length}`);
  const directory = Buffer.from(await readRange(path, offset, length));
  const entries = parseDirectory(directory, path);
  return new Map(entries.map((entry) => [entry.name, () => openEntry(path, size, entry)]));
}

function findEnd(tail: Buffer, path: string): number {
  for (let at = tail.length - endBytes; at >= 0; at--) if (tail.readUInt32LE(at) === signatures.end) return at;
  throw invalid(path, 'expected a zip file, got no end-of-directory record (not a .npz, or cut short)');
}

function parseDirectory(directory: Buffer, path: string): Entry[] {
  const entries: Entry[] = [];
  let at = 0;
  while (at < directory.length) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== signatures.central)
      throw invalid(path, `expected a directory entry at byte ${at} of the central directory, got something else`);
    const nameBytes = directory.readUInt16LE(at + 28);
    const entry: Entry = {
      name: directory.toString('utf8', at + 46, at + 46 + nameBytes),
      method: directory.readUInt16LE(at + 10),
      crc: directory.readUInt32LE(at + 16),
      packedBytes: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      localOffset: directory.readUInt32LE(at + 42),
    };
    checkEntry(entry, directory.readUInt16LE(at + 8), path);
    entries.push(entry);
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

function checkEntry({ name, method, packedBytes, bytes, localOffset }: Entry, flags: number, path: string): void {
  if ([packedBytes, bytes, localOffset].includes(movedToZip64))
    throw invalid(path, `${name}: expected an entry below 4 GiB, got zip64`);
  if ((flags & 1) !== 0) throw invalid(path, `${name}: expected a plain entry, got an encrypted one`);
  if (method !== 0 && method !== 8) throw invalid(path, `${name}: expected stored or deflated, got method ${method}`);
}

async function openEntry(path: string, size: number, entry: Entry): Promise<ByteSource> {
  const where = `${path}: ${entry.name}`;
  const header = Buffer.from(await readRange(path, entry.localOffset, 30));
  if (header.readUInt32LE(0) !== signatures.local)
    throw invalid(where, `expected a local header at byte ${entry.localOffset}, got something else`);
  const start = entry.localOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (start + entry.packedBytes > size)
    throw invalid(where, `expected ${entry.packedBytes} bytes, got ${size - start}`);
  if (entry.method === 0) return byteSourceOfFile(path, start, entry.bytes);
  return byteSourceOfBuffer(await inflate(await readRange(path, start, entry.packedBytes), entry, where));
}

/** `maxOutputLength` keeps a lying header from filling the memory. */
async function inflate(packed: Uint8Array, entry: Entry, where: string): Promise<Uint8Array> {
  const bytes = await promisify(inflateRaw)(packed, { maxOutputLength: Math.max(entry.bytes, 1) }).catch((cause) => {
    throw invalid(where, `expected deflated data of ${entry.bytes} bytes, got ${(cause as Error).message}`, cause);
  });
  if (bytes.length !== entry.bytes || crc32(bytes) !== entry.crc)
    throw invalid(
      where,
      `expected ${entry.bytes} bytes with checksum ${entry.crc}, got ${bytes.length} with ${crc32(bytes)}`,
    );
  return bytes;
}

function invalid(where: string, detail: string, cause?: unknown): OctetError {
  return new OctetError('DATA_INVALID', `${where}: ${detail}`, {
    hint: 'Write it again with numpy.savez or numpy.savez_compressed.',
    ...(cause === undefined ? {} : { cause }),
  });
}
