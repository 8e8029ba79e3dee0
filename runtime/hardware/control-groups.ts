/** The memory limits of the control groups that this process is in: a container's, a service's, and those above them. */
import type { Readings } from './readings.ts';

export type MemoryGroup = {
  readonly limitBytes: number;
  /** What its processes hold, without the file cache that the kernel would give back; null where it does not tell. */
  readonly usedBytes: number | null;
};

type Files = { readonly limit: string; readonly usage: string; readonly cache: RegExp };

/** Version 2, and version 1 of older kernels. Source: Linux, cgroup-v2 and cgroup-v1/memory. */
const v2: Files = { limit: 'memory.max', usage: 'memory.current', cache: /^inactive_file (\d+)$/m };
const v1: Files = {
  limit: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
  cache: /^total_inactive_file (\d+)$/m,
};

/** Groups without a limit (`max`) are left out. */
export function readMemoryGroups(readings: Readings): MemoryGroup[] {
  const lines = (readings.text('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  return lines.flatMap(([id, controllers, path]) => {
    if (path === undefined) return [];
    if (id === '0') return groupsUpwards(readings, '/sys/fs/cgroup', path, v2);
    if (!controllers?.split(',').includes('memory')) return [];
    return groupsUpwards(readings, '/sys/fs/cgroup/memory', path, v1);
  });
}

function groupsUpwards(readings: Readings, mount: string, path: string, files: Files): MemoryGroup[] {
  const parts = path.split('/').filter((part) => part !== '');
  const folders = [mount, ...parts.map((_, depth) => `${mount}/${parts.slice(0, depth + 1).join('/')}`)];
  return folders.flatMap((folder) => {
    const limitBytes = readings.number(`${folder}/${files.limit}`);
    if (limitBytes === undefined) return [];
    const heldBytes = readings.number(`${folder}/${files.usage}`);
    const cacheBytes = Number(files.cache.exec(readings.text(`${folder}/memory.stat`) ?? '')?.[1] ?? 0);
    return [{ limitBytes, usedBytes: heldBytes === undefined ? null : Math.max(0, heldBytes - cacheBytes) }];
  });
}
