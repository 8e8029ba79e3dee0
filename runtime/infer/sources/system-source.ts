/**
 * The device as its own sensor: a model that watches the machine it runs on needs no other one. The pipeline's channels are chosen by
 * their names.
 */
import { OctetError } from '../../base/errors.ts';
import { cpuLoadReader } from '../../hardware/cpu-load.ts';
import { readMemory } from '../../hardware/memory.ts';
import { type Readings, readingsUnder } from '../../hardware/readings.ts';
import { readThermals } from '../../hardware/thermals.ts';
import { pollRows } from './poll-rows.ts';
import type { Source, SourceContext } from './source.ts';

type Metric = {
  readonly unit: string;
  /** @returns a reader; null where this device does not tell. */
  readonly open: (readings: Readings) => () => number | null;
};

export const systemMetrics = {
  /** Share of all cores in use since the sample before. */
  cpu_load: { unit: '1', open: cpuLoadReader },
  load_average: { unit: '1', open: (readings) => () => first(readings.text('/proc/loadavg')) },
  memory_available: { unit: 'byte', open: (readings) => () => readMemory(readings).availableBytes },
  temperature: { unit: 'degC', open: (readings) => () => readThermals(readings).temperatureC },
  cpu_frequency: { unit: 'MHz', open: (readings) => () => readThermals(readings).frequencyMHz },
  /** Since the sample before. */
  network_received: { unit: 'byte', open: (readings) => growth(() => networkBytes(readings, 1)) },
  network_sent: { unit: 'byte', open: (readings) => growth(() => networkBytes(readings, 9)) },
} as const satisfies Record<string, Metric>;

/** @throws SOURCE_FAILED for a channel that is no metric. Iterating gives the last known value where a reading fails once. */
export function openSystem(context: SourceContext, readings: Readings = readingsUnder('/')): Source {
  const readers = context.pipeline.channels.map(({ name }) => readerOf(name, readings));
  const last = readers.map(() => 0);
  const read = () =>
    readers.map((reader, index) => {
      last[index] = reader() ?? last[index]!;
      return last[index]!;
    });
  return pollRows(read, context);
}

function readerOf(name: string, readings: Readings): () => number | null {
  const metric = systemMetrics[name as keyof typeof systemMetrics] as Metric | undefined;
  if (metric) return metric.open(readings);
  throw new OctetError(
    'SOURCE_FAILED',
    `source system: expected channels among ${Object.keys(systemMetrics).join(', ')}, got ${name}`,
    { hint: "The names are the manifest's: pipeline.channels." },
  );
}

/** A column of /proc/net/dev, summed over all interfaces but the loopback (proc_net(5)). */
function networkBytes(readings: Readings, column: number): number | null {
  const lines = readings.text('/proc/net/dev')?.split('\n').slice(2);
  return (
    lines
      ?.filter((line) => !/^\s*lo:/.test(line))
      .reduce((sum, line) => sum + Number(line.replace(':', ' ').trim().split(/\s+/)[column] ?? 0), 0) ?? null
  );
}

/** Counters only tell by their growth; one that was reset starts over. */
function growth(read: () => number | null): () => number | null {
  let before = read();
  return () => {
    const [now, last] = [read(), before];
    before = now;
    return now === null || last === null ? null : Math.max(0, now - last);
  };
}

function first(text: string | undefined): number | null {
  const value = Number(text?.split(' ')[0] || Number.NaN);
  return Number.isFinite(value) ? value : null;
}
