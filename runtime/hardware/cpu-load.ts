/** How busy the processor was between two readings of /proc/stat. */
import type { Readings } from './readings.ts';

/** Jiffies since boot, over all cores. */
export type CpuTimes = { readonly busy: number; readonly total: number };

/** The first line of /proc/stat: `cpu user nice system idle iowait irq softirq steal guest guest_nice` (proc_stat(5)). */
export function cpuTimesFrom(stat: string): CpuTimes | null {
  const fields = /^cpu\s+(.*)$/m.exec(stat)?.[1]?.split(/\s+/).map(Number);
  if (fields === undefined || fields.length < 5) return null;
  // Guest time is counted in user time already.
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = fields;
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, total: busy + idle + iowait };
}

/** Share of all cores in use between the two, 0 to 1; null when no time has passed. */
export function cpuLoadBetween(before: CpuTimes | null, after: CpuTimes | null): number | null {
  if (before === null || after === null || after.total <= before.total) return null;
  return Math.round(((after.busy - before.busy) / (after.total - before.total)) * 1000) / 1000;
}

/** @returns a reader of the load since its previous call, or since now. */
export function cpuLoadReader(readings: Readings): () => number | null {
  const read = () => cpuTimesFrom(readings.text('/proc/stat') ?? '');
  let before = read();
  return () => {
    const after = read();
    const load = cpuLoadBetween(before, after);
    before = after;
    return load;
  };
}
