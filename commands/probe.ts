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
  const { board, soc, os, kernel, cpu, memory, thermals, int8, gaps } = report;
  const lines: readonly (readonly [string, string])[] = [
    ['board', board],
    ['chip', soc],
    ['system', `${os}, Linux ${kernel}`],
    ['processor', `${cpu.cores} × ${cpu.model} (${cpu.arch})`],
    ['features', cpu.features.join(' ') || 'none that matter to int8'],
    ['memory', memoryLine(memory)],
    ['temperature', temperatureLine(thermals)],
    ['clock', clockLine(thermals)],
    ['int8', int8.text],
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

function clockLine({ frequencyMHz, maxFrequencyMHz, governor }: Thermals): string {
  if (governor === null) return 'not told';
  return `${frequencyMHz ?? '?'} of ${maxFrequencyMHz ?? '?'} MHz, governor ${governor}`;
}
