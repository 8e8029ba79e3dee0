/** `octet probe`: what this device is, and what int8 can be expected to bring on it. */
import type { Command } from 'commander';
import pico from 'picocolors';
import { type HardwareReport, probeHardware } from '../runtime/hardware/probe.ts';
import type { Thermals } from '../runtime/hardware/thermals.ts';
import { bytesText } from '../runtime/select/figures.ts';

export function define(command: Command): void {
  command
    .option('--json', 'print one JSON document')
    .option('--root <folder>', 'replay a recorded board: a folder with its proc, sys and etc', '/')
    .action(async ({ json = false, root }: { json?: boolean; root: string }) => {
      const report = await probeHardware({ root });
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${renderReport(report)}\n`);
    });
}

/** Name and value per line; what could not be found out comes last. */
export function renderReport(report: HardwareReport): string {
  const { board, soc, os, kernel, system, cpu, memory, thermals, int8, remarks, gaps } = report;
  const lines: readonly (readonly [string, string])[] = [
    ['board', board],
    ['chip', soc],
    ['system', `${os}, Linux ${kernel}${system.userlandBits === null ? '' : `, ${system.userlandBits}-bit`}`],
    ['processor', processorLine(cpu)],
    ['features', cpu.features.join(' ') || 'none that matter to int8'],
    ['memory', memoryLine(memory)],
    ...swapLines(memory).map((line) => ['swap', line] as const),
    ['temperature', temperatureLine(thermals)],
    ...zoneLines(report),
    ...clockLines(report).map((line) => ['clock', line] as const),
    ['power', report.power.map(railText).join(', ') || 'no meter'],
    ['int8', int8.text],
    ...remarks.map((remark) => ['mind', remark] as const),
    ...gaps.map((gap) => ['not known', gap] as const),
  ];
  return lines.map(([name, value]) => `${pico.dim(name.padEnd(12))} ${value}`).join('\n');
}

function memoryLine({ totalBytes, availableBytes, limitBytes }: HardwareReport['memory']): string {
  const text = (bytes: number | null) => (bytes === null ? 'unknown' : bytesText(bytes));
  const limit = limitBytes === null ? '' : `, limited to ${bytesText(limitBytes)} here`;
  return `${text(totalBytes)}, ${text(availableBytes)} available${limit}`;
}

function temperatureLine({ temperatureC, sensor, throttled, throttledSinceBoot }: Thermals): string {
  const now = temperatureC === null ? 'no sensor' : `${temperatureC.toFixed(1)} °C (${sensor})`;
  const held = throttled?.length ? `; now: ${throttled.join(', ')}` : '';
  const before = throttledSinceBoot?.length ? `; since boot: ${throttledSinceBoot.join(', ')}` : '';
  return `${now}${held}${before}`;
}

/** `4× Cortex-A76 (cpu 4-7) + …` where cores differ. */
function processorLine({ cores, model, arch, clusters }: HardwareReport['cpu']): string {
  if (clusters.length < 2) return `${cores} × ${model} (${arch})`;
  return `${clusters.map((kind) => `${kind.cores} × ${kind.model} (cpu ${kind.cpus.join(',')})`).join(' + ')} (${arch})`;
}

/** One line per kind: a board has a zram device for every core. */
function swapLines({ swap }: HardwareReport['memory']): string[] {
  return Object.entries(Object.groupBy(swap, ({ kind }) => kind)).map(([kind, spaces]) => {
    const sum = (of: 'usedBytes' | 'sizeBytes') => bytesText(spaces.reduce((bytes, space) => bytes + space[of], 0));
    return `${kind}: ${sum('usedBytes')} of ${sum('sizeBytes')} used (${spaces.map(({ name }) => name).join(', ')})`;
  });
}

/** Every zone, where there is more than the processor's. */
function zoneLines({ zones }: HardwareReport): (readonly [string, string])[] {
  if (zones.length < 2) return [];
  return [['zones', zones.map(({ type, temperatureC }) => `${type} ${temperatureC.toFixed(1)}`).join(', ')]];
}

function clockLines({ clocks, thermals }: HardwareReport): string[] {
  if (clocks.length === 0) return [clockLine(thermals)];
  const megahertz = (value: number | null) => value ?? '?';
  return clocks.map(
    ({ cpus, governor, minMHz, maxMHz, currentMHz }) =>
      `cpu ${cpus.join(',')}: ${megahertz(currentMHz)} MHz of ${megahertz(minMHz)} to ${megahertz(maxMHz)}, governor ${governor ?? 'not told'}`,
  );
}

function railText({ name, scope, watts, isReadable }: HardwareReport['power'][number]): string {
  if (!isReadable) return `${name} (${scope}, not readable)`;
  return watts === null ? `${name} (${scope}, counts energy)` : `${name} ${watts.toFixed(2)} W (${scope})`;
}

function clockLine({ frequencyMHz, maxFrequencyMHz, governor }: Thermals): string {
  if (governor === null) return 'not told';
  return `${frequencyMHz ?? '?'} of ${maxFrequencyMHz ?? '?'} MHz, governor ${governor}`;
}
