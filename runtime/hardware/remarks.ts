/**
 * What about this device deserves a sentence before anything is measured on it: what would make figures worse than they
 * need be, or not repeatable, and what to do. A table of conditions; pure.
 */
import type { HardwareReport } from './probe.ts';

type Facts = Omit<HardwareReport, 'remarks' | 'gaps'>;
type Remark = (facts: Facts) => string | false | undefined;

const remarks: readonly Remark[] = [
  ({ system }) =>
    system.userlandBits === 32 &&
    system.kernelBits === 64 &&
    'a 32-bit system on a 64-bit kernel: ONNX Runtime has no build for it; install the 64-bit image',
  ({ cpu }) =>
    cpu.clusters.length > 1 &&
    `cores of different speed: for the steadiest latency keep to the fast ones (taskset -c ${cpu.clusters[0]!.cpus.join(',')})`,
  ({ thermals }) =>
    thermals.throttled?.includes('under-voltage') &&
    'under-voltage now: use a stronger supply before believing any figure',
  ({ thermals }) =>
    thermals.throttled?.some((reason) => reason !== 'under-voltage') &&
    'the processor is held back now: cool the board before believing any figure',
  ({ thermals }) =>
    thermals.throttled?.length === 0 &&
    thermals.throttledSinceBoot?.length !== 0 &&
    thermals.throttledSinceBoot !== null &&
    'it was held back earlier since boot: a long load may do it again; octet bench MODEL --sustained 10min shows it',
  ({ clocks }) =>
    clocks.some(({ governor }) => governor === 'powersave') &&
    'governor powersave: clocks stay low; cpupower frequency-set -g performance while measuring',
  ({ clocks }) =>
    clocks.some(({ maxMHz, hardwareMaxMHz }) => maxMHz !== null && maxMHz < (hardwareMaxMHz ?? 0)) &&
    'the clock is limited below what the hardware can do (a power mode or a setting): figures hold for this mode only',
  ({ memory }) =>
    memory.swap.some(({ kind, usedBytes }) => kind !== 'zram' && usedBytes > 0) &&
    'memory is swapped to disk: latency will have long pauses; free memory or use zram',
  ({ memory }) =>
    memory.swap.some(({ kind, usedBytes }) => kind === 'zram' && usedBytes > 0) &&
    'memory is swapped to zram: unpacking it costs processor time',
];

export function remarksOn(facts: Facts): string[] {
  return remarks.map((remark) => remark(facts)).filter((text) => typeof text === 'string');
}
