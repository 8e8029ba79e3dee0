/** The device's vital signs for the `system` stream, from the kernel's files: light enough to be read every few seconds. */
import { readMemory } from '../../runtime/hardware/memory.ts';
import { readProcessMemory } from '../../runtime/hardware/process-memory.ts';
import { type Readings, readingsUnder } from '../../runtime/hardware/readings.ts';
import { readThermals } from '../../runtime/hardware/thermals.ts';
import type { SystemReading } from '../ports.ts';
import { type CpuTimes, cpuLoadBetween, cpuTimesFrom } from './cpu-load.ts';

/** @returns a reader whose processor load is that since its previous call. */
export function systemReader(readings: Readings = readingsUnder('/')): () => SystemReading {
  let before: CpuTimes | null = cpuTimesFrom(readings.text('/proc/stat') ?? '');
  return () => {
    const after = cpuTimesFrom(readings.text('/proc/stat') ?? '');
    const cpuLoad = cpuLoadBetween(before, after);
    before = after;
    return {
      temperatureC: readThermals(readings).temperatureC,
      cpuLoad,
      memoryAvailableBytes: readMemory(readings).availableBytes,
      pssBytes: (pid) => readProcessMemory(pid, readings).pssBytes,
    };
  };
}
