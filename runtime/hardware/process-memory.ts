/** What one process takes: its fair share of resident memory now (PSS) and the most it ever held (VmHWM). */
import { kilobytesIn } from './memory.ts';
import { type Readings, readingsUnder } from './readings.ts';

export type ProcessMemory = {
  /** Proportional set size: shared pages divided among their users; null where the kernel does not tell (other user, gone). */
  readonly pssBytes: number | null;
  /** Peak resident set size since the process started. */
  readonly peakBytes: number | null;
  readonly residentBytes: number | null;
};

export function readProcessMemory(pid: number | 'self', readings: Readings = readingsUnder('/')): ProcessMemory {
  const status = readings.text(`/proc/${pid}/status`) ?? '';
  return {
    pssBytes: kilobytesIn(readings.text(`/proc/${pid}/smaps_rollup`) ?? '', 'Pss'),
    peakBytes: kilobytesIn(status, 'VmHWM'),
    residentBytes: kilobytesIn(status, 'VmRSS'),
  };
}
