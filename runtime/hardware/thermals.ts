/**
 * Temperature, clock and throttling: light enough to be read every few seconds by the agent. A trial takes it before and
 * after, because a hot or capped processor makes a figure that no one can repeat.
 */
import { type Readings, readingsUnder } from './readings.ts';

/** Bits of the Raspberry Pi firmware's `get_throttled`; bits 16 to 19 say the same of any time since boot. */
const throttleBits = {
  'under-voltage': 0,
  'frequency capped': 1,
  throttled: 2,
  'soft temperature limit': 3,
} as const;

export type ThrottleReason = keyof typeof throttleBits;

export type Thermals = {
  /** The processor's temperature, null where the device has no sensor. */
  readonly temperatureC: number | null;
  /** The sensor it was taken from: `cpu-thermal`. */
  readonly sensor: string | null;
  /** What holds the processor back now; null where the firmware does not tell. */
  readonly throttled: readonly ThrottleReason[] | null;
  /** What held it back at any time since boot. */
  readonly throttledSinceBoot: readonly ThrottleReason[] | null;
  /** The fastest core's clock now. */
  readonly frequencyMHz: number | null;
  readonly maxFrequencyMHz: number | null;
  /** `performance`, `ondemand`, `schedutil`. */
  readonly governor: string | null;
};

/** Zones that stand for the processor, most telling first; otherwise the hottest zone speaks. */
const processorZones = [/^cpu[-_]?thermal/, /^x86_pkg_temp/, /^bigcore/, /^soc[-_]?thermal/, /^tj[-_]?thermal/, /cpu/];

export function readThermals(readings: Readings = readingsUnder('/')): Thermals {
  const zone = processorZone(readings);
  const throttled = throttleWord(readings);
  return {
    temperatureC: zone?.temperatureC ?? null,
    sensor: zone?.type ?? null,
    throttled: throttled === undefined ? null : reasonsIn(throttled),
    throttledSinceBoot: throttled === undefined ? null : reasonsIn(throttled >> 16),
    ...readFrequency(readings),
  };
}

type Zone = { readonly type: string; readonly temperatureC: number };

function processorZone(readings: Readings): Zone | undefined {
  const zones = readings
    .names('/sys/class/thermal')
    .filter((name) => name.startsWith('thermal_zone'))
    .flatMap((name) => zoneFrom(readings, `/sys/class/thermal/${name}`))
    .sort((a, b) => b.temperatureC - a.temperatureC);
  const preferred = processorZones.flatMap((pattern) => zones.find(({ type }) => pattern.test(type)) ?? []);
  return preferred[0] ?? zones[0];
}

/** Sensors that are switched off answer nonsense (−256 °C, 0 K); no processor runs outside −40 to 150 °C. */
function zoneFrom(readings: Readings, folder: string): Zone[] {
  const temperatureC = (readings.number(`${folder}/temp`) ?? Number.NaN) / 1000;
  const isPlausible = temperatureC > -40 && temperatureC < 150;
  return isPlausible ? [{ type: readings.text(`${folder}/type`) ?? 'unnamed', temperatureC }] : [];
}

/** The Raspberry Pi firmware's word; its folder carries the bus address on the Pi 5 (`soc@107c000000`). */
function throttleWord(readings: Readings): number | undefined {
  const buses = readings.names('/sys/devices/platform').filter((name) => /^soc(@|$)/.test(name));
  const words = buses.map((bus) => readings.text(`/sys/devices/platform/${bus}/${bus}:firmware/get_throttled`));
  const word = Number.parseInt(words.find((text) => text !== undefined) ?? '', 16);
  return Number.isNaN(word) ? undefined : word;
}

function reasonsIn(word: number): ThrottleReason[] {
  const reasons = Object.entries(throttleBits) as [ThrottleReason, number][];
  return reasons.filter(([, bit]) => (word >> bit) & 1).map(([reason]) => reason);
}

function readFrequency(readings: Readings): Pick<Thermals, 'frequencyMHz' | 'maxFrequencyMHz' | 'governor'> {
  const cores = readings.names('/sys/devices/system/cpu').filter((name) => /^cpu\d+$/.test(name));
  const folder = (core: string) => `/sys/devices/system/cpu/${core}/cpufreq`;
  const fastest = (file: string) => {
    const values = cores.flatMap((core) => readings.number(`${folder(core)}/${file}`) ?? []);
    return values.length === 0 ? null : Math.round(Math.max(...values) / 1000);
  };
  return {
    frequencyMHz: fastest('scaling_cur_freq'),
    maxFrequencyMHz: fastest('cpuinfo_max_freq'),
    governor: cores.map((core) => readings.text(`${folder(core)}/scaling_governor`)).find(Boolean) ?? null,
  };
}
