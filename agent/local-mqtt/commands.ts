/**
 * A local broker as a sensor and as an actor. The runner knows no MQTT, so a program of ours stands between them, like any other program
 * that prints samples or takes decisions.
 */
import { nodeOptions, programPath } from '../../runtime/base/children.ts';
import type { SinkSpec, SourceSpec } from '../../runtime/infer/messages.ts';

/** A topic of a broker of this device or this site. */
export type LocalTopic = {
  readonly url: string;
  readonly topic: string;
  readonly username?: string | undefined;
  /** A file, so that no list of processes shows a secret. */
  readonly passwordFile?: string | undefined;
};

export type LocalProgram = 'mqtt-source' | 'mqtt-sink';

export function mqttSource(topic: LocalTopic): SourceSpec {
  return { kind: 'command', command: commandOf('mqtt-source', topic), format: { kind: 'json' } };
}

export function mqttSink(topic: LocalTopic, labels: readonly string[] | undefined): SinkSpec {
  return { kind: 'pipe', command: commandOf('mqtt-sink', topic), ...(labels === undefined ? {} : { labels }) };
}

function commandOf(name: LocalProgram, { url, topic, username, passwordFile }: LocalTopic): string[] {
  const { execPath, execArgv } = nodeOptions();
  return [
    execPath,
    ...execArgv,
    programPath(),
    'internal',
    name,
    JSON.stringify({ url, topic, username, passwordFile }),
  ];
}
