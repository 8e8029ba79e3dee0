/**
 * What this device is: board, processor, memory, temperature, and what int8 can be expected to bring. Read from the
 * kernel's own files; what they lack (an ordinary PC has no device tree) is asked of the system once. Whatever cannot be
 * found out is listed as a gap, never an error: a device with an odd kernel must still work.
 */
import { type Cpu, readCpu } from './cpu.ts';
import { type Int8Outlook, int8OutlookOf } from './int8-outlook.ts';
import { type DeviceMemory, readMemory } from './memory.ts';
import { type Readings, readingsUnder } from './readings.ts';
import { describeSystem, type SystemFacts } from './system-facts.ts';
import { readThermals, type Thermals } from './thermals.ts';

export type HardwareReport = {
  /** `Raspberry Pi 5 Model B Rev 1.0`. */
  readonly board: string;
  /** `BCM2712`; the processor's model where the board does not name its chip. */
  readonly soc: string;
  readonly os: string;
  readonly kernel: string;
  readonly cpu: Cpu;
  readonly memory: DeviceMemory;
  readonly thermals: Thermals;
  readonly int8: Int8Outlook;
  /** What could not be found out, each naming where it was looked for. */
  readonly gaps: readonly string[];
};

export type ProbeOptions = {
  /** `/`, or a recorded board's folder. */
  root?: string;
  /** Asked only for what the files lack; the default asks the running system, and nothing for a recorded board. */
  systemFacts?: () => Promise<SystemFacts>;
};

export async function probeHardware({ root = '/', systemFacts }: ProbeOptions = {}): Promise<HardwareReport> {
  const readings = readingsUnder(root);
  const cpu = readCpu(readings);
  const files = boardFrom(readings);
  const ask = systemFacts ?? (root === '/' ? describeSystem : async () => ({}));
  const asked: SystemFacts = files.board === undefined ? await ask() : {};
  const found = {
    board: files.board ?? asked.board,
    soc: files.soc ?? (cpu.cores > 0 ? cpu.model : undefined),
    os: files.os ?? asked.os,
    kernel: files.kernel,
  };
  const [memory, thermals] = [readMemory(readings), readThermals(readings)];
  return {
    board: found.board ?? 'unknown',
    soc: found.soc ?? 'unknown',
    os: found.os ?? 'unknown',
    kernel: found.kernel ?? 'unknown',
    cpu,
    memory,
    thermals,
    int8: int8OutlookOf(cpu.features),
    gaps: gapsIn(found.board, found.os, cpu, memory, thermals),
  };
}

function boardFrom(readings: Readings): { [K in 'board' | 'soc' | 'os' | 'kernel']: string | undefined } {
  const release = readings.text('/etc/os-release') ?? '';
  return {
    board: readings.text('/proc/device-tree/model'),
    soc: socFrom(readings.text('/proc/device-tree/compatible')),
    os: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(release)?.[1],
    kernel: readings.text('/proc/sys/kernel/osrelease'),
  };
}

/** A device tree's `compatible` goes from the board to the chip: the last entry, `brcm,bcm2712`, names the chip. */
function socFrom(compatible: string | undefined): string | undefined {
  return compatible?.split('\0').at(-1)?.split(',').at(-1)?.toUpperCase();
}

function gapsIn(
  board: string | undefined,
  os: string | undefined,
  cpu: Cpu,
  memory: DeviceMemory,
  thermals: Thermals,
): string[] {
  const gaps: readonly (readonly [boolean, string])[] = [
    [board === undefined, 'board: nothing in /proc/device-tree/model, and the system does not name it'],
    [os === undefined, 'operating system: nothing in /etc/os-release'],
    [cpu.cores === 0, 'processor: nothing usable in /proc/cpuinfo'],
    [memory.totalBytes === null, 'memory: nothing usable in /proc/meminfo'],
    [thermals.temperatureC === null, 'temperature: no usable zone in /sys/class/thermal'],
    [thermals.governor === null, 'clock: no cpufreq in /sys/devices/system/cpu'],
  ];
  return gaps.filter(([isMissing]) => isMissing).map(([, text]) => text);
}
