/**
 * A process seen from outside while it is measured: its share of memory and what the device consumes. Reading the memory of
 * a process stops it for a moment (about a millisecond), so it is done a few times only, and not by the process itself.
 */
import type { MeterReading, PowerMeter } from '../hardware/power.ts';
import { energyOf, readMeter } from '../hardware/power.ts';
import { type ProcessMemory, readProcessMemory } from '../hardware/process-memory.ts';
import type { Readings } from '../hardware/readings.ts';
import { machineMs } from './machine-clock.ts';
import { median } from './statistics.ts';

export type Sample = {
  /** By `machineMs`. */
  readonly atMs: number;
  readonly memory: ProcessMemory;
  readonly meter: MeterReading;
};

export type ProcessWatch = Disposable & { readonly samples: readonly Sample[] };

export function watchProcess(
  pid: number,
  intervalMs: number,
  readings: Readings,
  meter: PowerMeter | undefined,
): ProcessWatch {
  const samples: Sample[] = [];
  const take = () =>
    samples.push({
      atMs: machineMs(),
      memory: readProcessMemory(pid, readings),
      meter: meter === undefined ? null : readMeter(meter, readings),
    });
  const timer = setInterval(take, intervalMs);
  return { samples, [Symbol.dispose]: () => clearInterval(timer) };
}

export type Watched = {
  /** Proportional set size while measuring, bytes: median and greatest; null where the kernel does not tell or nothing was read. */
  readonly steadyPssBytes: number | null;
  readonly peakPssBytes: number | null;
  readonly memoryReadings: number;
  /** Mean power while measuring; null without a meter or with fewer than two readings. */
  readonly watts: number | null;
};

/** What the samples between two moments say. */
export function summarizeWatch(
  samples: readonly Sample[],
  fromMs: number,
  toMs: number,
  meter: PowerMeter | undefined,
): Watched {
  const inside = samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const pss = inside.flatMap(({ memory }) => memory.pssBytes ?? []);
  const joules =
    meter === undefined
      ? null
      : energyOf(
          meter,
          inside.map(({ atMs, meter: value }) => ({ atMs, value })),
        );
  const seconds = ((inside.at(-1)?.atMs ?? 0) - (inside[0]?.atMs ?? 0)) / 1000;
  return {
    steadyPssBytes: pss.length === 0 ? null : median(pss),
    peakPssBytes: pss.length === 0 ? null : Math.max(...pss),
    memoryReadings: pss.length,
    watts: joules === null ? null : joules / seconds,
  };
}
