/** What the device tells about itself in `info`, from the probe. */
import packageJson from '../package.json' with { type: 'json' };
import { probeHardware } from '../runtime/hardware/probe.ts';
import type { DeviceInfo } from './ports.ts';

export async function probeDevice(): Promise<DeviceInfo> {
  const { board, soc, cpu, memory } = await probeHardware();
  return {
    ...{ board, soc, arch: cpu.arch, cores: Math.max(1, cpu.cores), cpuFeatures: [...cpu.features] },
    memoryBytes: Math.max(1, memory.totalBytes ?? 1),
    // Pinned exactly; asking the library itself would load it.
    onnxRuntime: packageJson.dependencies['onnxruntime-node'],
  };
}
