/** Wires the real world into the daemon and runs it until it is asked to stop. */
import { readFileSync } from 'node:fs';
import { readManifest, verifyModelFolder } from '../models/manifest.ts';
import packageJson from '../package.json' with { type: 'json' };
import { systemClock } from '../runtime/base/clock.ts';
import { createLogger } from '../runtime/base/log.ts';
import { clockTrust } from '../runtime/hardware/clock-sync.ts';
import { readingsUnder } from '../runtime/hardware/readings.ts';
import { startRunner } from '../runtime/infer/runner-handle.ts';
import type { AgentConfig } from './config.ts';
import { Daemon } from './daemon.ts';
import { systemdFrom } from './health/systemd.ts';
import { runHelper } from './helper/run-helper.ts';
import { LogTail } from './jobs/log-tail.ts';
import { loadConfig } from './load-config.ts';
import type { Ports } from './ports.ts';
import { systemReader } from './telemetry/system-readings.ts';

/** The probe may wait a little: nothing depends on it, and the runner is loading its model just then. */
const probeNiceness = 10;
/** What builds and measures yields to the runner. */
export const workNiceness = 10;

/** @param stopped resolves when the agent is to stop. @throws CONFIG_INVALID, STORE_FAILED, FILE_NOT_FOUND, DISK_FULL. */
export async function runAgent(configPath: string, stopped: Promise<void>): Promise<void> {
  const config = await loadConfig(configPath);
  await using daemon = new Daemon(config, portsFor(config));
  await daemon.start();
  await Promise.race([stopped, daemon.failed, daemon.restartAsked]);
}

function portsFor({ logLevel }: AgentConfig): Ports {
  const logTail = new LogTail();
  return {
    clock: systemClock,
    random: Math.random,
    log: createLogger('agent', logLevel, logTail.write),
    logTail,
    // Both are set by systemd for what it starts (systemd.exec(5)).
    isSupervised: process.env.INVOCATION_ID !== undefined || process.env.NOTIFY_SOCKET !== undefined,
    runBench: (work, { onProgress, signal }) => runHelper('bench', work, { onProgress, signal }),
    version: packageJson.version,
    bootId: () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    startRunner,
    runSelection: (request, options) => runHelper('select', request, { ...options, niceness: workNiceness }),
    pullModel: ({ onProgress, signal, url, rootFile, target, storeFolder, budget }) =>
      runHelper('pull', { url, rootFile, target, storeFolder, ...(budget && { budget }) }, { onProgress, signal }),
    profileInputs: (request, options) => runHelper('profile', request, { ...options, niceness: workNiceness }),
    verifyModel: verifyModelFolder,
    readModel: readManifest,
    probe: (signal) => runHelper('probe', {}, { signal, niceness: probeNiceness }),
    readSystem: systemReader(),
    systemd: systemdFrom(process.env, process.pid),
    clockTrust: () => clockTrust(readingsUnder('/'), systemClock.wallMs()),
  };
}
