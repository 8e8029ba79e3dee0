/**
 * Whether the kernel and the installed system are 32-bit or 64-bit: a Raspberry Pi can run a 32-bit system on a 64-bit
 * kernel, and then nothing 64-bit starts, though `uname` looks right.
 */
import type { Readings } from './readings.ts';

export type SystemBits = {
  /** 32 or 64; null where nothing tells. */
  readonly kernelBits: 32 | 64 | null;
  readonly userlandBits: 32 | 64 | null;
};

/** The program loaders of the C libraries, by word size. A system with both (multiarch) can run 64-bit programs. */
const loaders = {
  64: [
    '/lib/ld-linux-aarch64.so.1',
    '/lib/ld-musl-aarch64.so.1',
    '/lib64/ld-linux-x86-64.so.2',
    '/lib/ld-musl-x86_64.so.1',
  ],
  32: ['/lib/ld-linux-armhf.so.3', '/lib/ld-musl-armhf.so.1', '/lib/ld-linux.so.2'],
} as const;

export function readSystemBits(readings: Readings): SystemBits {
  const has = (bits: 32 | 64) => loaders[bits].some((path) => exists(readings, path));
  return { kernelBits: kernelBits(readings), userlandBits: has(64) ? 64 : has(32) ? 32 : null };
}

/** `/proc/sys/kernel/arch` is there since Linux 6.1; before that the processor's flags tell, which a 32-bit kernel names otherwise. */
function kernelBits(readings: Readings): 32 | 64 | null {
  const machine = readings.text('/proc/sys/kernel/arch');
  if (machine !== undefined) return /64/.test(machine) ? 64 : 32;
  const cpuInfo = readings.text('/proc/cpuinfo') ?? '';
  if (/^(Features|flags)\s*:.*\b(asimd|lm)\b/m.test(cpuInfo)) return 64;
  return /^(Features|flags)\s*:/m.test(cpuInfo) ? 32 : null;
}

function exists(readings: Readings, path: string): boolean {
  const slash = path.lastIndexOf('/');
  return readings.names(path.slice(0, slash)).includes(path.slice(slash + 1));
}
