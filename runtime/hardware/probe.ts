/**
 * What this device is: board, processor, memory, temperature, and what int8 can be expected to bring. Read from the
 * kernel's own files; what they lack (an ordinary PC has no device tree) is asked of the system once. Whatever cannot be
 * found out is listed as a gap, never an error: a device with an odd kernel must still work.
 */
import { type ClockPolicy, readClocks } from './clocks.ts';
import { type Cpu, readCpu } from './cpu.ts';
import { type Int8Outlook, int8OutlookOf } from './int8-outlook.ts';
import { type DeviceMemory, readMemory } from './memory.ts';
import { findPowerMeters, type PowerMeter, readMeter } from './power.ts';
import { type Readings, readingsUnder } from './readings.ts';
import { remarksOn } from './remarks.ts';
import { readSystemBits, type SystemBits } from './system-bits.ts';
import { describeSystem, type SystemFacts } from './system-facts.ts';
import { readThermals, type Thermals } from './thermals.ts';
import { type AskTool, askThrottleWord, askTool } from './vcgencmd.ts';
import { readZones, type Zone } from './zones.ts';

export type HardwareReport = {
  /** `Raspberry Pi 5 Model B Rev 1.0`. */
  readonly board: string;
  /** `BCM2712`; the processor's model where the board does not name its chip. */
  readonly soc: string;
  readonly os: string;
  readonly kernel: string;
  readonly system: SystemBits;
  readonly cpu: Cpu;
  readonly clocks: readonly ClockPolicy[];
  readonly memory: DeviceMemory;
  readonly thermals: Thermals;
  readonly zones: readonly Zone[];
  readonly power: readonly PowerRail[];
  readonly int8: Int8Outlook;
  /** What would spoil figures measured here, and what to do about it. */
  readonly remarks: readonly string[];
  /** What could not be found out, each naming where it was looked for. */
  readonly gaps: readonly string[];
};

export type PowerRail = Pick<PowerMeter, 'name' | 'scope'> & {
  /** Power now; null for a counter of energy, which tells only over time. */
  readonly watts: number | null;
  /** False where the meter is there and refuses to be read. */
  readonly isReadable: boolean;
};

export type ProbeOptions = {
  /** `/`, or a recorded board's folder. */
  root?: string;
  /** Of `root`; the default reads its files. */
  readings?: Readings;
  /** Asked only for what the files lack; the default asks the running system, and nothing for a recorded board. */
  systemFacts?: () => Promise<SystemFacts>;
  /** Runs a vendor's tool, only where the files leave a question; the default runs none for a recorded board. */
  tool?: AskTool;
};

export async function probeHardware({
  root = '/',
  readings = readingsUnder(root),
  systemFacts,
  tool,
}: ProbeOptions = {}): Promise<HardwareReport> {
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
  const ofBoard = {
    board: found.board ?? 'unknown',
    soc: found.soc ?? 'unknown',
    os: found.os ?? 'unknown',
    kernel: found.kernel ?? 'unknown',
  };
  const state = {
    system: readSystemBits(readings),
    cpu,
    clocks: readClocks(readings),
    memory: readMemory(readings),
    thermals: await thermalsOf(readings, ofBoard.board, tool ?? (root === '/' ? askTool : undefined)),
    zones: readZones(readings),
    power: findPowerMeters(readings).map((meter) => railFrom(meter, readings)),
    int8: int8OutlookOf(cpu.features),
  };
  const facts = { ...ofBoard, ...state };
  return {
    ...facts,
    remarks: remarksOn(facts),
    gaps: gapsIn(found.board, found.os, state, [...(readings.refused ?? [])]),
  };
}

/** Only a Raspberry Pi whose kernel does not tell has its firmware asked. */
async function thermalsOf(readings: Readings, board: string, tool: AskTool | undefined): Promise<Thermals> {
  const thermals = readThermals(readings);
  if (thermals.throttledSinceBoot !== null || tool === undefined || !board.startsWith('Raspberry Pi')) return thermals;
  return readThermals(readings, await askThrottleWord(tool));
}

function railFrom(meter: PowerMeter, readings: Readings): PowerRail {
  const value = readMeter(meter, readings);
  const watts = meter.source.kind === 'energy' ? null : value;
  return { name: meter.name, scope: meter.scope, watts, isReadable: value !== null };
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

type State = Pick<HardwareReport, 'cpu' | 'memory' | 'thermals' | 'power'>;

function gapsIn(
  board: string | undefined,
  os: string | undefined,
  { cpu, memory, thermals, power }: State,
  closed: readonly string[],
): string[] {
  const refused = power.filter(({ isReadable }) => !isReadable).map(({ name }) => name);
  const gaps: readonly (readonly [boolean, string])[] = [
    [board === undefined, 'board: nothing in /proc/device-tree/model, and the system does not name it'],
    [os === undefined, 'operating system: nothing in /etc/os-release'],
    [cpu.cores === 0, 'processor: nothing usable in /proc/cpuinfo'],
    [memory.totalBytes === null, 'memory: nothing usable in /proc/meminfo'],
    [thermals.temperatureC === null, 'temperature: no usable zone in /sys/class/thermal'],
    [thermals.governor === null, 'clock: no cpufreq in /sys/devices/system/cpu'],
    [
      closed.length > 0,
      `permission: ${closed.length} ${closed.length === 1 ? 'file refuses' : 'files refuse'} to be read, such as ${closed[0]} (sudo octet probe)`,
    ],
    [refused.length > 0, `power: ${refused.join(', ')} cannot be read (RAPL needs root: sudo octet probe)`],
  ];
  return gaps.filter(([isMissing]) => isMissing).map(([, text]) => text);
}
