/** What candidates ask of a device, from its report. */
import { availableParallelism, loadavg } from 'node:os';
import type { HardwareReport } from '../hardware/probe.ts';
import type { SettingsHardware } from './settings-candidates.ts';

/** @param mostThreads what this process may use at once; fewer than there are where the system confines it. */
export function settingsHardware(
  { cpu }: Pick<HardwareReport, 'cpu'>,
  mostThreads = availableParallelism(),
  load1 = loadavg()[0]!,
): SettingsHardware {
  const [fastest] = cpu.clusters;
  const bigCores = Math.max(1, Math.min(fastest?.physicalCores ?? 1, mostThreads));
  return { cores: Math.max(1, cpu.cores), bigCores, bigModel: fastest?.model ?? 'unknown', load1 };
}
