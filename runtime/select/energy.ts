/** What a sample costs in joules, from a meter that was read while a model ran alone. */
import { OctetError } from '../base/errors.ts';
import { energyOf, findPowerMeters, type PowerMeter, readMeter } from '../hardware/power.ts';
import { type Readings, readingsUnder } from '../hardware/readings.ts';
import { type Estimate, medianEstimate } from '../measure/statistics.ts';
import type { Sample } from '../measure/watch-process.ts';

export type Energy = {
  readonly meter: string;
  readonly covers: PowerMeter['scope'];
  readonly watts: number;
  readonly joulesPerSample: Estimate;
};

/** The meter that covers most of the device and can be read. */
export function usableMeter(readings: Readings = readingsUnder('/')): PowerMeter | undefined {
  return findPowerMeters(readings).find((meter) => readMeter(meter, readings) !== null);
}

/** Fewer have no 95 % interval. */
const fewestReadings = 6;

/** Power between each two readings, its median with its interval, over the rate. Null with too few readings inside. */
export function energyFrom(
  samples: readonly Sample[],
  fromMs: number,
  toMs: number,
  meter: PowerMeter,
  samplesPerSecond: number,
): Energy | null {
  const inside = samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const watts = inside.slice(1).flatMap((sample, at) => {
    const pair = [inside[at]!, sample].map(({ atMs, meter: value }) => ({ atMs, value }));
    const joules = energyOf(meter, pair);
    return joules === null ? [] : [(joules * 1000) / (sample.atMs - inside[at]!.atMs)];
  });
  if (watts.length < fewestReadings) return null;
  const { value, low, high } = medianEstimate(watts);
  const perSample = { value: value / samplesPerSecond, low: low / samplesPerSecond, high: high / samplesPerSecond };
  return { meter: meter.name, covers: meter.scope, watts: value, joulesPerSample: perSample };
}

/** @throws PLATFORM_UNSUPPORTED when nothing here tells what is consumed. */
export function requireMeter(readings: Readings = readingsUnder('/')): void {
  if (usableMeter(readings)) return;
  const refused = findPowerMeters(readings).map(({ name }) => name);
  const got = refused.length === 0 ? 'none' : `${refused.join(', ')}, which cannot be read`;
  throw new OctetError('PLATFORM_UNSUPPORTED', `--objective energy: expected a power meter, got ${got}`, {
    hint:
      refused.length === 0
        ? 'Choose by --objective latency: the shorter a sample takes, the less it costs.'
        : 'RAPL counters need root: sudo octet select …',
  });
}
