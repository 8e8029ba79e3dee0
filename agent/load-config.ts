/**
 * Reads the configuration file: every problem at once, each with its path. Relative paths in it are relative to the
 * file, because a service has no meaningful working folder.
 */
import { dirname, resolve } from 'node:path';
import { readJson } from '../runtime/base/json.ts';
import { type AgentConfig, configSchema } from './config.ts';

/** @throws FILE_NOT_FOUND, FILE_UNREADABLE, CONFIG_INVALID naming every wrong field. */
export async function loadConfig(path: string): Promise<AgentConfig> {
  const config = await readJson(path, configSchema, {
    code: 'CONFIG_INVALID',
    what: `configuration ${path}`,
    hint: `Edit ${path}, then start the agent again (systemctl restart octet).`,
  });
  return withAbsolutePaths(config, dirname(resolve(path)));
}

const brokerFiles = ['passwordFile', 'caFile', 'certificateFile', 'keyFile'] as const;

function withAbsolutePaths(config: AgentConfig, base: string): AgentConfig {
  const { broker, repository, slots, orders } = config;
  const files = brokerFiles.flatMap((key) => (broker[key] === undefined ? [] : [[key, resolve(base, broker[key])]]));
  return {
    ...config,
    dataFolder: resolve(base, config.dataFolder),
    broker: { ...broker, ...Object.fromEntries(files) },
    repository: { ...repository, rootFile: resolve(base, repository.rootFile) },
    orders: orders.operatorKeys === undefined ? orders : { operatorKeys: resolve(base, orders.operatorKeys) },
    slots: slots.map((slot) => slotWithAbsolutePaths(slot, base)),
  };
}

type Slot = AgentConfig['slots'][number];

function slotWithAbsolutePaths(slot: Slot, base: string): Slot {
  const source = (spec: Slot['source']): Slot['source'] =>
    spec.kind === 'replay' ? { ...spec, recordings: spec.recordings.map((path) => resolve(base, path)) } : local(spec);
  const local = <S extends object>(spec: S): S =>
    'passwordFile' in spec ? { ...spec, passwordFile: resolve(base, spec.passwordFile as string) } : spec;
  const { calibration } = slot;
  return {
    ...slot,
    source: source(slot.source),
    sinks: slot.sinks.map((sink) => ('path' in sink ? { ...sink, path: resolve(base, sink.path) } : local(sink))),
    ...(slot.serve === undefined ? {} : { serve: resolve(base, slot.serve) }),
    calibration: calibration.source ? { ...calibration, source: source(calibration.source) } : calibration,
  };
}
