/**
 * What makes a window of timings worthless: a processor that was held back, taken away, or waiting for swapped memory. The
 * kernel counts all three; two readings of its counters, before and after, tell. Such a window is repeated, never averaged in.
 */
import { type Readings, readingsUnder } from '../hardware/readings.ts';

export type Disturbance = {
  readonly kind: 'throttled' | 'starved' | 'swapped';
  /** A sentence for people. */
  readonly text: string;
};

export type Counters = {
  readonly atMs: number;
  /** Time that this process's threads wanted to run and did not; null where the kernel keeps no count. */
  readonly waitedMs: number | null;
  readonly cpuMs: number;
  readonly involuntarySwitches: number;
  readonly majorFaults: number;
  /** Of the whole machine: clock ticks that its host gave to others, and all ticks. */
  readonly stolenTicks: number;
  readonly allTicks: number;
  /** Of the whole machine: pages read back from swap. */
  readonly swappedIn: number;
  /** Of the whole machine: times that heat slowed a core (x86). */
  readonly heatEvents: number;
};

/** Of this process. @param nowMs a monotonic clock. */
export function readCounters(nowMs: number, readings: Readings = readingsUnder('/')): Counters {
  const usage = process.resourceUsage();
  const ticks = (/^cpu +(.*)$/m.exec(readings.text('/proc/stat') ?? '')?.[1] ?? '').split(' ').map(Number);
  return {
    atMs: nowMs,
    waitedMs: waitedMs(readings),
    cpuMs: (usage.userCPUTime + usage.systemCPUTime) / 1000,
    involuntarySwitches: usage.involuntaryContextSwitches,
    majorFaults: usage.majorPageFault,
    // user nice system idle iowait irq softirq steal; what follows (guest) is in user already. Source: proc_stat(5).
    stolenTicks: ticks[7] ?? 0,
    allTicks: ticks.slice(0, 8).reduce((sum, count) => sum + count, 0),
    swappedIn: Number(/^pswpin (\d+)$/m.exec(readings.text('/proc/vmstat') ?? '')?.[1] ?? 0),
    heatEvents: heatEvents(readings),
  };
}

/** Second field of `schedstat`: nanoseconds on a run queue. Source: Linux, sched-stats. */
function waitedMs(readings: Readings): number | null {
  const waits = readings.names('/proc/self/task').flatMap((thread) => {
    const wait = Number(readings.text(`/proc/self/task/${thread}/schedstat`)?.split(' ')[1] ?? Number.NaN);
    return Number.isNaN(wait) ? [] : [wait / 1e6];
  });
  return waits.length === 0 ? null : waits.reduce((sum, wait) => sum + wait, 0);
}

function heatEvents(readings: Readings): number {
  return readings
    .names('/sys/devices/system/cpu')
    .filter((name) => /^cpu\d+$/.test(name))
    .reduce(
      (sum, cpu) => sum + (readings.number(`/sys/devices/system/cpu/${cpu}/thermal_throttle/core_throttle_count`) ?? 0),
      0,
    );
}

/** The share of a window that may be lost to others: a median does not notice it, and no shared machine is without. */
const allowedLoss = 0.05;

/** What disturbed the time between two readings; `threads` is how many of the process's work at once. */
export function disturbancesBetween(before: Counters, after: Counters, threads: number): Disturbance[] {
  const wallMs = after.atMs - before.atMs;
  const lost = lostShare(before, after, wallMs, threads);
  const stolen = (after.stolenTicks - before.stolenTicks) / Math.max(1, after.allTicks - before.allTicks);
  const switches = after.involuntarySwitches - before.involuntarySwitches;
  const isSwapped = after.swappedIn > before.swappedIn && after.majorFaults > before.majorFaults;
  const found: (Disturbance | false)[] = [
    lost > allowedLoss && {
      kind: 'starved',
      text: `waited for a processor ${percent(lost)} of the time (${switches} involuntary switches)`,
    },
    stolen > allowedLoss && { kind: 'starved', text: `the host took ${percent(stolen)} of this machine's processors` },
    isSwapped && {
      kind: 'swapped',
      text: `${after.majorFaults - before.majorFaults} pages came back from swap or disk`,
    },
    after.heatEvents > before.heatEvents && { kind: 'throttled', text: 'heat slowed the processor' },
  ];
  return found.filter((disturbance) => disturbance !== false);
}

/** Without the scheduler's count: a call computes from start to end, so what is missing of one processor's time was taken away. */
function lostShare(before: Counters, after: Counters, wallMs: number, threads: number): number {
  if (before.waitedMs !== null && after.waitedMs !== null)
    return Math.max(0, after.waitedMs - before.waitedMs) / (wallMs * threads);
  return Math.max(0, 1 - (after.cpuMs - before.cpuMs) / wallMs);
}

function percent(share: number): string {
  // Several threads of the process may have waited at once.
  return `${(Math.min(1, share) * 100).toFixed(0)} %`;
}
