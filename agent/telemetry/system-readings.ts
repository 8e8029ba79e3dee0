/** The device's vital signs for the `system` stream, from the kernel's files: light enough to be read every few seconds. */

import { cpuLoadReader } from '../../runtime/hardware/cpu-load.ts';
import { readMemory } from '../../runtime/hardware/memory.ts';
import { readProcessMemory } from '../../runtime/hardware/process-memory.ts';
import { type Readings, readingsUnder } from '../../runtime/hardware/readings.ts';
import { readThermals } from '../../runtime/hardware/thermals.ts';
import type { SystemReading } from '../ports.ts';

/** @returns a reader whose processor load is that since its previous call. */
export function systemReader(readings: Readings = readingsUnder('/')): () => SystemReading {
  const cpuLoad = cpuLoadReader(readings);
  return () => {
    const { temperatureC, throttled } = readThermals(readings);
    return {
      ...{ temperatureC, throttled },
      cpuLoad: cpuLoad(),
      memoryAvailableBytes: readMemory(readings).availableBytes,
      pssBytes: (pid) => readProcessMemory(pid, readings).pssBytes,
    };
  };
}
