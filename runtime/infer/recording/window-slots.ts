/**
 * Windows in a file of equal slots, each replaced in place by one write. A slot carries a checksum: of a write that a power cut tore, nothing
 * is believed, and every other window is as it was.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { writeError } from '../../base/files.ts';

export type KeptWindow = {
  readonly label: string;
  /** Unix time at which it was complete, microseconds. */
  readonly tUs: number;
  /** [samples, channels], row-major. */
  readonly window: Float32Array;
};

export type WindowSlots = {
  readonly folder: string;
  /** What was there when it was opened. */
  readonly present: readonly { readonly slot: number; readonly label: string }[];
  /** A slot that holds nothing; undefined when there is none. */
  takeFree(): number | undefined;
  write(slot: number, kept: KeptWindow): Promise<void>;
  close(): Promise<void>;
};

const slotsFile = 'windows.slots';
/** crc32 of what follows (4), bytes of the label (4), time (8), label (48). */
const headBytes = 64;
const maxLabelBytes = headBytes - 16;

export function slotBytes(values: number): number {
  return headBytes + values * Float32Array.BYTES_PER_ELEMENT;
}

/** @param values of one window. @param capacity in slots; a file that was larger keeps its first ones. @throws WRITE_FAILED, DISK_FULL */
export async function openSlots(folder: string, values: number, capacity: number): Promise<WindowSlots> {
  const file = await openFile(folder);
  const { size } = await file.stat();
  if (size > capacity * slotBytes(values)) await file.truncate(capacity * slotBytes(values));
  const present: { slot: number; label: string }[] = [];
  for (let slot = 0; slot < capacity; slot++) {
    const kept = await readSlot(file, slot, values);
    if (kept) present.push({ slot, label: kept.label });
  }
  const taken = new Set(present.map(({ slot }) => slot));
  const free = Array.from({ length: capacity }, (_, slot) => slot).filter((slot) => !taken.has(slot));
  return {
    folder,
    present,
    takeFree: () => free.shift(),
    async write(slot, kept) {
      await file.write(encode(kept), 0, slotBytes(values), slot * slotBytes(values));
    },
    async close() {
      await file.datasync();
      await file.close();
    },
  };
}

/**
 * The windows of a folder, oldest first, one at a time: a reservoir may be larger than the memory of whoever reads it. One that is
 * replaced meanwhile is left out.
 * @param values of one window.
 */
export async function* readSlots(folder: string, values: number): AsyncGenerator<KeptWindow> {
  const file = await openFile(folder);
  try {
    const { size } = await file.stat();
    const order: { slot: number; tUs: number }[] = [];
    for (let slot = 0; (slot + 1) * slotBytes(values) <= size; slot++) {
      const kept = await readSlot(file, slot, values);
      if (kept) order.push({ slot, tUs: kept.tUs });
    }
    for (const { slot } of order.sort((a, b) => a.tUs - b.tUs)) {
      const kept = await readSlot(file, slot, values);
      if (kept) yield kept;
    }
  } finally {
    await file.close();
  }
}

async function openFile(folder: string): Promise<FileHandle> {
  const path = join(folder, slotsFile);
  try {
    await mkdir(folder, { recursive: true });
    // 'a+' would write at the end; 'r+' does not create.
    return await open(path, 'r+').catch(() => open(path, 'w+'));
  } catch (error) {
    throw writeError(path, error);
  }
}

function encode({ label, tUs, window }: KeptWindow): Buffer {
  const bytes = Buffer.alloc(slotBytes(window.length));
  const name = Buffer.from(label).subarray(0, maxLabelBytes);
  bytes.writeUInt32LE(name.length, 4);
  bytes.writeDoubleLE(tUs, 8);
  name.copy(bytes, 16);
  Buffer.from(window.buffer, window.byteOffset, window.byteLength).copy(bytes, headBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

async function readSlot(file: FileHandle, slot: number, values: number): Promise<KeptWindow | undefined> {
  const bytes = Buffer.alloc(slotBytes(values));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, slot * bytes.length);
  // A slot that was never written is all zeros, whose checksum is not zero.
  if (bytesRead < bytes.length || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return undefined;
  const label = bytes.subarray(16, 16 + Math.min(bytes.readUInt32LE(4), maxLabelBytes)).toString('utf8');
  const window = new Float32Array(bytes.buffer.slice(bytes.byteOffset + headBytes, bytes.byteOffset + bytes.length));
  return { label, tUs: bytes.readDoubleLE(8), window };
}
