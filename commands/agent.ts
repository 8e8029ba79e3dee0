/** `octet agent`: the daemon. Wires the real world into the composition root, and turns signals into a clean stop. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { AgentConfig } from '../agent/config.ts';
import { Daemon } from '../agent/daemon.ts';
import { loadConfig } from '../agent/load-config.ts';
import type { DeviceInfo, Ports } from '../agent/ports.ts';
import { systemReader } from '../agent/telemetry/system-readings.ts';
import { readManifest, verifyModelFolder } from '../models/manifest.ts';
import packageJson from '../package.json' with { type: 'json' };
import { systemClock } from '../runtime/base/clock.ts';
import { createLogger } from '../runtime/base/log.ts';
import { startRunner } from '../runtime/infer/runner-handle.ts';

export function define(command: Command): void {
  command
    .requiredOption('--config <file>', 'what this device is called, its broker, its repository, its slots (JSON)')
    .action(run);
}

async function run({ config: path }: { config: string }): Promise<void> {
  const stopped = stopRequested();
  const config = await loadConfig(path);
  await using daemon = new Daemon(config, portsFor(config));
  await daemon.start();
  await Promise.race([stopped, daemon.failed]);
}

/** Resolves on SIGTERM or SIGINT (a second one ends the process as usual), or when a parent that started it goes away. */
function stopRequested(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
    process.once('disconnect', resolve);
  });
}

/** What is large and rarely needed (TUF client, probe, selection) is loaded when it is used: the agent stays small. */
function portsFor({ logLevel }: AgentConfig): Ports {
  return {
    clock: systemClock,
    random: Math.random,
    log: createLogger('agent', logLevel),
    version: packageJson.version,
    bootId: () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    startRunner,
    runSelection: async (request, options) =>
      (await import('../runtime/select/run-selection.ts')).runSelection(request, options),
    pullModel: async (request) => (await import('../models/pull.ts')).pullModel(request),
    verifyModel: verifyModelFolder,
    readModel: readManifest,
    probe,
    readSystem: systemReader(),
  };
}

async function probe(): Promise<DeviceInfo> {
  const { probeHardware } = await import('../runtime/hardware/probe.ts');
  const { board, soc, cpu, memory } = await probeHardware();
  return {
    ...{ board, soc, arch: cpu.arch, cores: Math.max(1, cpu.cores), cpuFeatures: [...cpu.features] },
    memoryBytes: Math.max(1, memory.totalBytes ?? 1),
    // Pinned exactly; asking the library itself would load it.
    onnxRuntime: packageJson.dependencies['onnxruntime-node'],
  };
}
