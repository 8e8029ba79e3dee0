/**
 * What this device can tell about its own consumption: power rails (INA3221 of Jetson boards, any hwmon power sensor) and
 * energy counters (RAPL). Found once; a reading afterwards is a file or two, light enough to be taken during a measurement.
 */
import type { Readings } from './readings.ts';

type Source =
  /** A sensor of power; microwatts or milliwatts per digit. */
  | { readonly kind: 'power'; readonly path: string; readonly wattsPerDigit: number }
  /** Two sensors, millivolts and milliamperes. */
  | { readonly kind: 'product'; readonly voltagePath: string; readonly currentPath: string }
  /** A counter of microjoules that starts again at `wrapJoules`. */
  | { readonly kind: 'energy'; readonly path: string; readonly wrapJoules: number };

export type PowerMeter = {
  /** The rail's or domain's own name: `VDD_IN`, `package-0`. */
  readonly name: string;
  /** What it covers: everything the board draws, the processor's package, or some other part. */
  readonly scope: 'board' | 'processor' | 'part';
  readonly source: Source;
};

/** What a meter says at one moment: watts of a power sensor, joules of a counter; null when it refuses (permission, switched off). */
export type MeterReading = number | null;

/** Names that boards give to the rail that everything hangs on. */
const boardRails = /^(VDD_IN|POM_5V_IN|VIN_SYS_5V0|SYS_5V|CV_IN|VIN|PSU|board|total)/i;
const processorRails = /cpu|soc|package/i;

/** In order of telling: board, processor, parts. */
export function findPowerMeters(readings: Readings): PowerMeter[] {
  const scopes: readonly PowerMeter['scope'][] = ['board', 'processor', 'part'];
  const meters = [...hwmonMeters(readings), ...railMeters(readings), ...energyCounters(readings)];
  return meters.sort((a, b) => scopes.indexOf(a.scope) - scopes.indexOf(b.scope));
}

export function readMeter({ source }: PowerMeter, readings: Readings): MeterReading {
  switch (source.kind) {
    case 'power':
      return scaled(readings.number(source.path), source.wattsPerDigit);
    case 'product': {
      const currentA = scaled(readings.number(source.currentPath), 1e-3);
      return currentA === null ? null : scaled(readings.number(source.voltagePath), currentA * 1e-3);
    }
    case 'energy':
      return scaled(readings.number(source.path), 1e-6);
    default:
      return source satisfies never;
  }
}

/**
 * Joules between the first and the last reading: a counter's difference, or power integrated by trapezoids.
 * @returns null with fewer than two readings, or when one is missing.
 */
export function energyOf(
  { source }: PowerMeter,
  samples: readonly { readonly atMs: number; readonly value: MeterReading }[],
): number | null {
  if (samples.length < 2) return null;
  let joules = 0;
  for (const [index, { atMs, value }] of samples.entries()) {
    const previous = samples[index - 1];
    if (value === null) return null;
    if (previous === undefined || previous.value === null) continue;
    joules +=
      source.kind === 'energy'
        ? value - previous.value + (value < previous.value ? source.wrapJoules : 0)
        : ((value + previous.value) / 2) * ((atMs - previous.atMs) / 1000);
  }
  return joules;
}

function scaled(value: number | undefined, factor: number): number | null {
  return value === undefined ? null : value * factor;
}

function scopeOf(name: string): PowerMeter['scope'] {
  if (boardRails.test(name)) return 'board';
  return processorRails.test(name) ? 'processor' : 'part';
}

/** `powerN_input` in microwatts, or `inN_input` beside `currN_input`. Source: Linux, hwmon sysfs interface. */
function hwmonMeters(readings: Readings): PowerMeter[] {
  const root = '/sys/class/hwmon';
  return readings.names(root).flatMap((device) => {
    const folder = `${root}/${device}`;
    const files = readings.names(folder);
    const chip = readings.text(`${folder}/name`) ?? device;
    const meter = (name: string, source: Source): PowerMeter => ({ name, scope: scopeOf(name), source });
    return files.flatMap((file) => {
      const power = /^power(\d+)_(input|average)$/.exec(file);
      if (power) {
        const name = readings.text(`${folder}/power${power[1]}_label`) ?? chip;
        return [meter(name, { kind: 'power', path: `${folder}/${file}`, wattsPerDigit: 1e-6 })];
      }
      const current = /^curr(\d+)_input$/.exec(file);
      const voltageFile = `in${current?.[1]}_input`;
      const name = readings.text(`${folder}/in${current?.[1]}_label`);
      // Without a name (or as the chip's sum of shunt voltages) a channel measures nothing that could be told apart.
      if (!current || name === undefined || !files.includes(voltageFile)) return [];
      const paths = { voltagePath: `${folder}/${voltageFile}`, currentPath: `${folder}/${file}` };
      return [meter(name, { kind: 'product', ...paths })];
    });
  });
}

/** NVIDIA's older driver (Jetson Nano, kernel 4.9): `rail_name_N` and `in_powerN_input` in milliwatts. */
function railMeters(readings: Readings): PowerMeter[] {
  const root = '/sys/bus/i2c/drivers/ina3221x';
  return readings.names(root).flatMap((address) =>
    readings.names(`${root}/${address}`).flatMap((device) => {
      const folder = `${root}/${address}/${device}`;
      return [0, 1, 2].flatMap((channel): PowerMeter[] => {
        const name = readings.text(`${folder}/rail_name_${channel}`);
        const path = `${folder}/in_power${channel}_input`;
        if (name === undefined || readings.number(path) === undefined) return [];
        return [{ name, scope: scopeOf(name), source: { kind: 'power', path, wattsPerDigit: 1e-3 } }];
      });
    }),
  );
}

/** Running average power limit: one counter per package. Since Linux 5.10 only root reads it. */
function energyCounters(readings: Readings): PowerMeter[] {
  const root = '/sys/class/powercap';
  return readings
    .names(root)
    .filter((name) => /^intel-rapl:\d+$/.test(name))
    .map((name) => ({
      name: readings.text(`${root}/${name}/name`) ?? name,
      scope: 'processor',
      source: {
        kind: 'energy',
        path: `${root}/${name}/energy_uj`,
        wrapJoules: (readings.number(`${root}/${name}/max_energy_range_uj`) ?? 0) * 1e-6,
      },
    }));
}
