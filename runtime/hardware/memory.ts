/** How much memory this device has, and how much of it a process here may take: a container or a service can have less. */
import { readMemoryGroups } from './control-groups.ts';
import type { Readings } from './readings.ts';

export type DeviceMemory = {
  readonly totalBytes: number | null;
  /** What the kernel believes can be taken without swapping. */
  readonly availableBytes: number | null;
  /** The tightest control-group limit above this process; null when there is none below the total. */
  readonly limitBytes: number | null;
  readonly swap: readonly SwapSpace[];
};

export type SwapSpace = {
  /** `/dev/zram0`, `/var/swap`. */
  readonly name: string;
  /** zram is compressed memory: it gives room, costs processor time, and wears no card. */
  readonly kind: 'zram' | 'file' | 'partition';
  readonly sizeBytes: number;
  readonly usedBytes: number;
};

export function readMemory(readings: Readings): DeviceMemory {
  const meminfo = readings.text('/proc/meminfo') ?? '';
  const totalBytes = kilobytesIn(meminfo, 'MemTotal');
  const limits = readMemoryGroups(readings)
    .map(({ limitBytes }) => limitBytes)
    .filter((limit) => totalBytes === null || limit < totalBytes);
  return {
    totalBytes,
    availableBytes: kilobytesIn(meminfo, 'MemAvailable'),
    limitBytes: limits.length === 0 ? null : Math.min(...limits),
    swap: swapFrom(readings.text('/proc/swaps') ?? ''),
  };
}

/** What one more process could take now without swapping, and without breaking a control group's limit; null where nothing tells. */
export function spareBytes(readings: Readings): number | null {
  const availableBytes = kilobytesIn(readings.text('/proc/meminfo') ?? '', 'MemAvailable');
  const rooms = readMemoryGroups(readings).flatMap(({ limitBytes, usedBytes }) =>
    usedBytes === null ? [] : [Math.max(0, limitBytes - usedBytes)],
  );
  const all = [...(availableBytes === null ? [] : [availableBytes]), ...rooms];
  return all.length === 0 ? null : Math.min(...all);
}

/** A `Name:   1234 kB` line of /proc/meminfo, /proc/<pid>/status or smaps_rollup, in bytes. */
export function kilobytesIn(text: string, name: string): number | null {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text);
  return match ? Number(match[1]) * 1024 : null;
}

/** `name type size used priority` per line under a head, sizes in KiB; other lines are passed over. */
function swapFrom(text: string): SwapSpace[] {
  return [...text.matchAll(/^(\/\S+)\s+(file|partition)\s+(\d+)\s+(\d+)/gm)].map(([, name, kind, size, used]) => ({
    name: name!,
    kind: /\/zram\d+$/.test(name!) ? 'zram' : (kind as 'file' | 'partition'),
    sizeBytes: Number(size) * 1024,
    usedBytes: Number(used) * 1024,
  }));
}
