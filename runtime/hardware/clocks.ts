/** How fast the cores may run and do run: one frequency policy per group of cores that share a clock. */
import type { Readings } from './readings.ts';

export type ClockPolicy = {
  /** The cores it governs. */
  readonly cpus: readonly number[];
  /** `performance`, `ondemand`, `schedutil`. */
  readonly governor: string | null;
  /** What the governor may choose from; a power mode can hold the upper end below the hardware's. */
  readonly minMHz: number | null;
  readonly maxMHz: number | null;
  readonly currentMHz: number | null;
  /** The most that the hardware can do. */
  readonly hardwareMaxMHz: number | null;
};

const folder = '/sys/devices/system/cpu/cpufreq';

/** Empty where the kernel has no cpufreq (virtual machines). */
export function readClocks(readings: Readings): ClockPolicy[] {
  return readings
    .names(folder)
    .filter((name) => /^policy\d+$/.test(name))
    .map((name) => policyFrom(readings, `${folder}/${name}`));
}

function policyFrom(readings: Readings, path: string): ClockPolicy {
  const megahertz = (file: string) => {
    const kilohertz = readings.number(`${path}/${file}`);
    return kilohertz === undefined ? null : Math.round(kilohertz / 1000);
  };
  return {
    cpus: (readings.text(`${path}/related_cpus`) ?? '')
      .split(/\s+/)
      .filter(Boolean)
      .map(Number)
      .filter(Number.isInteger),
    governor: readings.text(`${path}/scaling_governor`) ?? null,
    minMHz: megahertz('scaling_min_freq'),
    maxMHz: megahertz('scaling_max_freq'),
    currentMHz: megahertz('scaling_cur_freq'),
    hardwareMaxMHz: megahertz('cpuinfo_max_freq'),
  };
}
