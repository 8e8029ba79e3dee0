/** What a bench's raw result and its observation from outside say: percentiles, rate, energy, cold against sustained. Pure. */
import type { PowerMeter } from '../hardware/power.ts';
import type { PowerRail } from '../hardware/probe.ts';
import type { BenchResult, BenchWindow } from './bench-messages.ts';
import type { BenchReport } from './bench-report.ts';
import { median, quantileEstimate } from './statistics.ts';
import type { Watched } from './watch-process.ts';

const shares = { p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999 } as const satisfies Record<
  keyof BenchReport['latency'],
  number
>;

export function latencyFrom(timesUs: ArrayLike<number>): BenchReport['latency'] {
  const quantile = (share: number) => {
    const { value, low, high } = quantileEstimate(timesUs, share);
    return { valueUs: value, lowUs: low, highUs: high };
  };
  return {
    p50: quantile(shares.p50),
    p90: quantile(shares.p90),
    p99: quantile(shares.p99),
    p999: quantile(shares.p999),
  };
}

/** Samples per second over the kept windows. */
export function throughputOf({ windows, kept }: BenchResult, batch: number): number {
  return rateOver(
    kept.map((at) => windows[at]!),
    batch,
  );
}

function rateOver(windows: readonly BenchWindow[], batch: number): number {
  const sum = (of: 'queries' | 'durationMs') => windows.reduce((total, window) => total + window[of], 0);
  return (sum('queries') * batch * 1000) / sum('durationMs');
}

/** Power over the rate of all windows, because the meter saw all of them. */
export function energyFrom(
  { watts }: Watched,
  meter: PowerMeter | undefined,
  rails: readonly PowerRail[],
  { windows }: BenchResult,
  batch: number,
): Pick<BenchReport, 'energy' | 'energyNote'> {
  if (meter === undefined) {
    const refused = rails.map(({ name }) => name).join(', ');
    return {
      energy: null,
      energyNote: refused === '' ? 'this device has no power meter' : `${refused}: not readable (RAPL needs root)`,
    };
  }
  if (watts === null)
    return { energy: null, energyNote: `${meter.name}: too few readings; measure longer (--duration 30s)` };
  return {
    energy: { meter: meter.name, covers: meter.scope, watts, joulesPerSample: watts / rateOver(windows, batch) },
    energyNote: `${meter.name} covers the ${meter.scope === 'part' ? `part ${meter.name}` : meter.scope}, idle consumption included`,
  };
}

export function windowsFrom(windows: readonly BenchWindow[], kept: readonly number[]): BenchReport['windows'] {
  return windows.map(({ thermals, disturbances, ...window }, at) => ({
    ...window,
    temperatureC: thermals.temperatureC,
    frequencyMHz: thermals.frequencyMHz,
    isKept: kept.includes(at),
    disturbances: disturbances.map((disturbance) => ({ ...disturbance })),
  }));
}

/** The last fifth is where temperature has settled, if it does. */
export function sustainedFrom({ sustained }: BenchResult, coldP50Us: number): BenchReport['sustained'] {
  if (sustained.length === 0) return null;
  const last = sustained.slice(-Math.max(1, Math.floor(sustained.length / 5)));
  const p50Us = median(last.map((window) => window.p50Us));
  const temperatures = sustained.flatMap(({ thermals }) => thermals.temperatureC ?? []);
  return {
    coldP50Us,
    p50Us,
    ratio: p50Us / coldP50Us,
    highestTemperatureC: temperatures.length === 0 ? null : Math.max(...temperatures),
    wasThrottled: sustained.some(({ disturbances }) => disturbances.some(({ kind }) => kind === 'throttled')),
    windows: windowsFrom(
      sustained,
      sustained.map((_, at) => at),
    ),
  };
}
