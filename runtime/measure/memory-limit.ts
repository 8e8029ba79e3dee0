/**
 * How much a trial may allocate: what the device has to spare, less a tenth for everybody else. A model that needs more is
 * told so by its own failed allocation; without a limit the kernel would swap the device to a standstill, or kill what it likes.
 */
import { OctetError } from '../base/errors.ts';
import { kilobytesIn, spareBytes } from '../hardware/memory.ts';
import { type Readings, readingsUnder } from '../hardware/readings.ts';

export type MemoryLimit = {
  /** What the model and its process may take, bytes. */
  readonly spareBytes: number;
  /** The same as the kernel counts it (RLIMIT_DATA): with what every Node.js process reserves and never touches. */
  readonly dataBytes: number;
};

const share = 0.9;

/** Undefined where the kernel does not tell what is free. */
export function readMemoryLimit(readings: Readings = readingsUnder('/')): MemoryLimit | undefined {
  const spare = spareBytes(readings);
  const status = readings.text('/proc/self/status') ?? '';
  const [reserved, touched] = [kilobytesIn(status, 'VmData'), kilobytesIn(status, 'RssAnon')];
  if (spare === null || reserved === null || touched === null) return undefined;
  const allowed = Math.floor(spare * share);
  // This process is the same program: what it has reserved and not touched, the trial will have, too.
  return { spareBytes: allowed, dataBytes: allowed + Math.max(0, reserved - touched) };
}

/** ONNX Runtime's and V8's words for it → how much was asked for at once, where they say so. */
const requested = /requested buffer of size (\d+)/;

/** The reason of a trial whose allocation failed. */
export function memoryExceeded(limit: MemoryLimit | undefined, message: string): OctetError {
  const more = limit
    ? `more than ${mebibytes(limit.spareBytes)} (nine tenths of what is free here)`
    : 'more memory than there is';
  const bytes = requested.exec(message)?.[1];
  const asked = bytes === undefined ? '' : `; one buffer alone is ${mebibytes(Number(bytes))}`;
  return new OctetError('OUT_OF_MEMORY', `needs ${more}${asked}`, {
    hint: 'Use a smaller model or smaller batches, or free memory: free -m',
  });
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;
}
