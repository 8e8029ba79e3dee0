/**
 * A record of an Industrial I/O buffer: the enabled channels by their index, each aligned to its own size, the whole to the largest of them
 * (kernel: Documentation/iio/iio_devbuf.rst).
 */
import type { IioChannel, ScanElement } from './iio-device.ts';

export type ScanRecord = {
  readonly bytes: number;
  /** @returns the value of each channel, in the order of the device's channels. */
  read(view: DataView, at: number): number[];
};

type BufferedChannel = IioChannel & { readonly scan: ScanElement };

export function scanRecordOf(channels: readonly BufferedChannel[]): ScanRecord {
  const offsets = new Map<BufferedChannel, number>();
  let end = 0;
  for (const channel of [...channels].sort((a, b) => a.scan.index - b.scan.index)) {
    const size = channel.scan.storageBits / 8;
    const start = Math.ceil(end / size) * size;
    offsets.set(channel, start);
    end = start + size;
  }
  const largest = Math.max(...channels.map(({ scan }) => scan.storageBits / 8));
  return {
    bytes: Math.ceil(end / largest) * largest,
    read: (view, at) =>
      channels.map(
        (channel) => (rawOf(channel.scan, view, at + offsets.get(channel)!) + channel.offset) * channel.scale,
      ),
  };
}

const readers = {
  8: (view, at) => BigInt(view.getUint8(at)),
  16: (view, at, little) => BigInt(view.getUint16(at, little)),
  32: (view, at, little) => BigInt(view.getUint32(at, little)),
  64: (view, at, little) => view.getBigUint64(at, little),
} as const satisfies Record<number, (view: DataView, at: number, little: boolean) => bigint>;

function rawOf(
  { isLittleEndian, isSigned, bits, storageBits, shift }: ScanElement,
  view: DataView,
  at: number,
): number {
  const stored = readers[storageBits as keyof typeof readers](view, at, isLittleEndian) >> BigInt(shift);
  return Number(isSigned ? BigInt.asIntN(bits, stored) : BigInt.asUintN(bits, stored));
}
