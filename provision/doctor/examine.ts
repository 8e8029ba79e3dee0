/** `octet provision doctor`: gathers the facts of this device and of its configuration, and judges them. Changes nothing. */
import { access, constants, readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AgentConfig } from '../../agent/config.ts';
import { loadConfig } from '../../agent/load-config.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OctetError, systemCodeOf } from '../../runtime/base/errors.ts';
import { probeHardware } from '../../runtime/hardware/probe.ts';
import { readingsUnder } from '../../runtime/hardware/readings.ts';
import { runTrial } from '../../runtime/measure/trial.ts';
import { certificateFindings } from './certificate-findings.ts';
import { type DeviceFacts, deviceFindings } from './device-findings.ts';
import { bad, type Finding, good, poor } from './finding.ts';
import { brokerFinding, repositoryFinding } from './reach-findings.ts';

/** Below this, SQLite, models and recordings get into each other's way. */
const littleRoomBytes = 200 * 2 ** 20;

/** @param configPath the agent's configuration; without it only the device is looked at. */
export async function examine(configPath: string | undefined, clock: Clock): Promise<Finding[]> {
  const device = deviceFindings(await deviceFacts(clock));
  const engine = await engineFinding();
  return [...device, engine, ...(configPath === undefined ? [] : await configFindings(configPath, clock))];
}

async function deviceFacts(clock: Clock): Promise<DeviceFacts> {
  const readings = readingsUnder('/');
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return {
    hardware: await probeHardware(),
    glibc: report.header?.glibcVersionRuntime ?? null,
    wallMs: clock.wallMs(),
    isClockSet: await isClockSet(),
    controllers: readings.text('/sys/fs/cgroup/cgroup.controllers')?.split(/\s+/) ?? [],
    hasWatchdog: readings.names('/dev').includes('watchdog'),
  };
}

/** systemd-timesyncd leaves a mark; other time services do not, and are taken at their word. */
async function isClockSet(): Promise<boolean | null> {
  const there = (path: string) =>
    access(path).then(
      () => true,
      () => false,
    );
  if (await there('/run/systemd/timesync/synchronized')) return true;
  return (await there('/run/systemd/timesync')) ? false : null;
}

/** In a process of its own, as everything native: one that dies says what ails it. */
async function engineFinding(): Promise<Finding> {
  const outcome = await runTrial({ kind: 'floor', threads: 1 });
  if (outcome.ok) return good('ONNX Runtime', 'runs a model of one node');
  return bad(
    'ONNX Runtime',
    outcome.error.message,
    'Install again on this very device: npm ci. An "Illegal instruction" means another processor than arm64 or x86-64 with AVX.',
  );
}

async function configFindings(path: string, clock: Clock): Promise<Finding[]> {
  const config = await loadConfig(path).catch((error: unknown) => {
    if (error instanceof OctetError) return bad('configuration', error.message, error.hint ?? `Edit ${path}`);
    throw error;
  });
  if ('verdict' in config) return [config];
  const secrets = await secretFindings(config);
  return [
    good(
      'configuration',
      `${path}: device ${config.device}, ${config.slots.length} slot${config.slots.length === 1 ? '' : 's'}`,
    ),
    await roomFinding(config.dataFolder),
    ...secrets,
    ...(secrets.some(({ verdict }) => verdict === 'bad') ? [] : await networkFindings(config, clock)),
  ];
}

async function networkFindings({ device, broker, repository }: AgentConfig, clock: Clock): Promise<Finding[]> {
  const read = (path: string | undefined) => (path === undefined ? undefined : readFile(path));
  const [ca, cert, key] = await Promise.all([read(broker.caFile), read(broker.certificateFile), read(broker.keyFile)]);
  const own = cert && key ? certificateFindings({ device, certificate: cert, key, ca, wallMs: clock.wallMs() }) : [];
  const [broken, reached] = await Promise.all([
    brokerFinding(broker.url, { ca, cert, key }),
    repositoryFinding(repository.url),
  ]);
  return [...own, broken, reached];
}

/** The folder may not be there yet: then it must be possible to make it, where the nearest one above it is. */
async function roomFinding(folder: string): Promise<Finding> {
  try {
    const existing = await nearestExisting(folder);
    await access(existing, constants.W_OK);
    const { bavail, bsize, blocks } = await statfs(existing);
    const found = `${folder}: ${Math.round((bavail * bsize) / 2 ** 20)} MiB of ${Math.round((blocks * bsize) / 2 ** 20)} MiB free`;
    return bavail * bsize < littleRoomBytes
      ? poor('disk', found, 'Free space, or move dataFolder to a larger disk: df -h')
      : good('disk', found);
  } catch (error) {
    const advice = `The service's user must own it: sudo install -d -o octet ${folder}. EROFS: the disk is mounted read-only.`;
    return bad('disk', `${folder}: ${systemCodeOf(error) ?? error}`, advice);
  }
}

async function nearestExisting(folder: string): Promise<string> {
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  return isThere || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}

async function secretFindings({ broker, repository }: AgentConfig): Promise<Finding[]> {
  const files = {
    'broker.caFile': broker.caFile,
    'broker.certificateFile': broker.certificateFile,
    'repository.rootFile': repository.rootFile,
  };
  const secrets = { 'broker.keyFile': broker.keyFile, 'broker.passwordFile': broker.passwordFile };
  const missing = await Promise.all(
    Object.entries({ ...files, ...secrets }).map(([name, path]) => readableFinding(name, path)),
  );
  const open = await Promise.all(Object.entries(secrets).map(([name, path]) => privacyFinding(name, path)));
  return [...missing, ...open].filter((finding) => finding !== undefined);
}

async function readableFinding(name: string, path: string | undefined): Promise<Finding | undefined> {
  if (path === undefined) return undefined;
  return access(path, constants.R_OK).then(
    () => undefined,
    (error) =>
      bad(name, `${path}: ${systemCodeOf(error)}`, `Copy it to ${dirname(path)}, readable for the service's user.`),
  );
}

async function privacyFinding(name: string, path: string | undefined): Promise<Finding | undefined> {
  const mode =
    path === undefined
      ? 0
      : await stat(path).then(
          ({ mode: bits }) => bits,
          () => 0,
        );
  return (mode & 0o077) === 0
    ? undefined
    : poor(name, `${path} is open to other users (mode ${(mode & 0o777).toString(8)})`, `chmod 600 ${path}`);
}
