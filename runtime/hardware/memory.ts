/** How much memory this device has, and how much of it a process here may take: a container or a service can have less. */
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
  const limits = controlGroupLimits(readings).filter((limit) => totalBytes === null || limit < totalBytes);
  return {
    totalBytes,
    availableBytes: kilobytesIn(meminfo, 'MemAvailable'),
    limitBytes: limits.length === 0 ? null : Math.min(...limits),
    swap: swapFrom(readings.text('/proc/swaps') ?? ''),
  };
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

/** Limits of this process's group and of every group above it; `max` (no limit) is not a number and drops out. */
function controlGroupLimits(readings: Readings): number[] {
  const lines = (readings.text('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  return lines.flatMap(([id, controllers, path]) => {
    if (path === undefined) return [];
    if (id === '0') return limitsUpwards(readings, '/sys/fs/cgroup', path, 'memory.max');
    if (!controllers?.split(',').includes('memory')) return [];
    return limitsUpwards(readings, '/sys/fs/cgroup/memory', path, 'memory.limit_in_bytes');
  });
}

function limitsUpwards(readings: Readings, mount: string, path: string, file: string): number[] {
  const parts = path.split('/').filter((part) => part !== '');
  const folders = [mount, ...parts.map((_, depth) => `${mount}/${parts.slice(0, depth + 1).join('/')}`)];
  return folders.flatMap((folder) => readings.number(`${folder}/${file}`) ?? []);
}
