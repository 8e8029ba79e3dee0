/**
 * Temperature, clock and throttling: light enough to be read every few seconds by the agent. A trial takes it before and
 * after, because a hot or capped processor makes a figure that no one can repeat.
 */
import { type Readings, readingsUnder } from './readings.ts';
import { processorZoneOf, readZones } from './zones.ts';

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

/** @param askedWord the firmware's word where it was asked by other means; the kernel's file goes before it. */
export function readThermals(readings: Readings = readingsUnder('/'), askedWord?: number): Thermals {
  const zone = processorZoneOf(readZones(readings));
  const word = firmwareWord(readings) ?? askedWord;
  return {
    temperatureC: zone?.temperatureC ?? null,
    sensor: zone?.type ?? null,
    throttled: word === undefined ? coolingNow(readings) : reasonsIn(word),
    throttledSinceBoot: word === undefined ? null : reasonsIn(word >> 16),
    ...readFrequency(readings),
  };
}

/** The Raspberry Pi firmware's word; its folder carries the bus address on the Pi 5 (`soc@107c000000`). */
function firmwareWord(readings: Readings): number | undefined {
  const buses = readings.names('/sys/devices/platform').filter((name) => /^soc(@|$)/.test(name));
  const words = buses.map((bus) => readings.text(`/sys/devices/platform/${bus}/${bus}:firmware/get_throttled`));
  const word = Number.parseInt(words.find((text) => text !== undefined) ?? '', 16);
  return Number.isNaN(word) ? undefined : word;
}

/**
 * Boards without such firmware (Jetson, Rock): the kernel's cooling devices say whether the processor's clock is held down
 * because of heat. Fans and other parts are cooling devices too, and no sign of throttling.
 */
function coolingNow(readings: Readings): ThrottleReason[] | null {
  const states = readings
    .names('/sys/class/thermal')
    .filter((name) => name.startsWith('cooling_device'))
    .map((name) => `/sys/class/thermal/${name}`)
    .filter((folder) => /cpufreq|^processor$|^cpu[-_]/i.test(readings.text(`${folder}/type`) ?? ''))
    .flatMap((folder) => readings.number(`${folder}/cur_state`) ?? []);
  if (states.length === 0) return null;
  return states.some((state) => state > 0) ? ['throttled'] : [];
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
