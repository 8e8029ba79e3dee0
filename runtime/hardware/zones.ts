/** Temperatures by zone. A zone is known by its type: its number differs between kernels and images of one board. */
import type { Readings } from './readings.ts';

export type Zone = {
  /** `cpu-thermal`, `gpu-thermal`, `tj-thermal`. */
  readonly type: string;
  readonly temperatureC: number;
};

/** Zones that stand for the processor, most telling first; otherwise the hottest zone speaks. */
const processorZones = [
  /^cpu[-_]?thermal/i,
  /^x86_pkg_temp/,
  /^bigcore/,
  /^soc[-_]?thermal/,
  /^tj[-_]?thermal/,
  /cpu/i,
];

/** Every zone that gives a usable temperature, in the kernel's order. */
export function readZones(readings: Readings): Zone[] {
  return readings
    .names('/sys/class/thermal')
    .filter((name) => name.startsWith('thermal_zone'))
    .flatMap((name) => zoneFrom(readings, `/sys/class/thermal/${name}`));
}

export function processorZoneOf(zones: readonly Zone[]): Zone | undefined {
  const hottestFirst = [...zones].sort((a, b) => b.temperatureC - a.temperatureC);
  const preferred = processorZones.flatMap((pattern) => hottestFirst.find(({ type }) => pattern.test(type)) ?? []);
  return preferred[0] ?? hottestFirst[0];
}

/**
 * Sensors that are switched off answer nonsense (−256 °C, 0 K), and Jetson's `PMIC-Die` always 100 °C; no processor runs
 * outside −40 to 150 °C.
 */
function zoneFrom(readings: Readings, folder: string): Zone[] {
  const type = readings.text(`${folder}/type`) ?? 'unnamed';
  const temperatureC = (readings.number(`${folder}/temp`) ?? Number.NaN) / 1000;
  const isPlausible = temperatureC > -40 && temperatureC < 150 && type !== 'PMIC-Die';
  return isPlausible ? [{ type, temperatureC }] : [];
}
