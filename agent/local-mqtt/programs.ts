/** The two programs between a local broker and the runner: `internal mqtt-source` and `internal mqtt-sink`. */
import { createInterface } from 'node:readline';
import mqtt from 'mqtt';
import { readInput } from '../../runtime/base/files.ts';
import type { LocalTopic } from './commands.ts';

/** Prints each message as a line. Ends with its stdin, which is how it learns that the runner is gone. */
export async function runMqttSource(topic: LocalTopic): Promise<void> {
  const client = mqtt.connect(topic.url, await optionsOf(topic));
  client.on('error', complain);
  client.on('connect', () => client.subscribe(topic.topic, { qos: 0 }));
  client.on('message', (_, payload) => process.stdout.write(`${oneLine(payload.toString('utf8'))}\n`));
  process.stdout.on('error', () => process.exit(0));
  process.stdin.resume().on('end', () => process.exit(0));
}

/** Publishes each line of its stdin. A decision is about now: nothing is kept for a broker that is away. */
export async function runMqttSink(topic: LocalTopic): Promise<void> {
  const client = mqtt.connect(topic.url, { ...(await optionsOf(topic)), queueQoSZero: false });
  client.on('error', complain);
  for await (const line of createInterface({ input: process.stdin })) {
    if (client.connected) client.publish(topic.topic, line, { qos: 0 });
  }
  await client.endAsync();
}

async function optionsOf({ username, passwordFile }: LocalTopic): Promise<mqtt.IClientOptions> {
  const password = passwordFile === undefined ? undefined : await readInput(passwordFile, 'passwordFile');
  return {
    reconnectPeriod: 1000,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.toString('utf8').trimEnd() }),
  };
}

/** A sample is a line; JSON may be printed over several. What is no JSON is left for the reader to refuse. */
function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}

function complain(error: Error): void {
  process.stderr.write(`local broker: ${error.message}\n`);
}
