/** The configuration that the demo gives its agent: an ordinary one, that `octet agent --config` would take anywhere. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type AgentConfig, configSchema } from '../../agent/config.ts';
import type { DemoRecordings } from './recordings.ts';

export type DemoAgent = {
  readonly dataFolder: string;
  readonly brokerUrl: string;
  /** The web server's address, with a slash at its end. */
  readonly webUrl: string;
  readonly rootFile: string;
  /** Public keys of the demo's operator. */
  readonly operatorKeys: string;
  readonly recordings: DemoRecordings;
  /** How many times faster than real time the sensor is replayed. */
  readonly speed: number;
};

/** Demos of several machines may share one broker: the device is named after its machine. */
export function demoDeviceId(host: string = hostname()): string {
  const name = host.replaceAll(/[^A-Za-z0-9_-]+/g, '-').slice(0, 50);
  return `demo-${name || 'device'}`;
}

export function agentConfigFor(demo: DemoAgent): AgentConfig {
  const { dataFolder, brokerUrl, webUrl, rootFile, operatorKeys, recordings, speed } = demo;
  return configSchema.parse({
    device: demoDeviceId(),
    dataFolder,
    // Whoever stops the demo's broker and starts it again does not want to wait a minute.
    broker: { url: brokerUrl, maxReconnectDelayMs: 5000 },
    repository: { url: `${webUrl}repository/`, rootFile },
    // No target: what runs is what a signed order says.
    orders: { operatorKeys },
    slots: [
      {
        slot: 'main',
        source: { kind: 'replay', recordings: [...recordings.paths], speed, loop: true },
        // Who watches a demo has a minute: an operator's device has more.
        confirmMs: 5000,
        shadow: { windows: 24 },
        sinks: [{ kind: 'file', path: join(dataFolder, 'decisions.jsonl') }],
        calibration: {
          windows: recordings.windows,
          source: { kind: 'replay', recordings: [...recordings.paths], speed: 0, loop: false },
        },
      },
    ],
    telemetry: { systemIntervalMs: 2000 },
    logLevel: 'warn',
  });
}
