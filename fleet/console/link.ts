/**
 * The connection to the broker: subscribes to what devices say and hands over checked messages. Works over WebSocket in
 * a browser and over TCP or TLS in Node, so that the page and the demo's terminal see the same thing.
 */
// As a whole: the package's browser build has no named exports.
import mqtt from 'mqtt';
import { topics } from '../../agent/protocol/topics.ts';
import { readReceived } from './received.ts';
import type { Message } from './state.ts';

export type LinkOptions = {
  /** `ws://`, `wss://`, `mqtt://` or `mqtts://`. */
  readonly brokerUrl: string;
  /** One device, or every device (`+`). */
  readonly device: string;
  /** Unique on the broker: a second client of the same name would throw out the first. */
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
};

/** Connects, and reconnects each time the broker goes away. @returns the function that ends the connection. */
export function openLink(
  { brokerUrl, device, clientId, username, password }: LinkOptions,
  onMessage: (message: Message) => void,
): () => Promise<void> {
  const client = mqtt.connect(brokerUrl, {
    clientId,
    reconnectPeriod: 1000,
    connectTimeout: 10_000,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  let problem: string | undefined;
  client.on('connect', () => {
    problem = undefined;
    onMessage({ kind: 'link', link: 'connected' });
  });
  client.on('connect', () => client.subscribe(topics.everythingFrom(device), { qos: 1 }));
  client.on('error', (error) => {
    problem = error.message || String(error);
  });
  client.on('close', () => onMessage({ kind: 'link', link: 'lost', ...(problem === undefined ? {} : { problem }) }));
  client.on('message', (topic, payload) => {
    const message = readReceived(topic, payload.toString());
    if (message) onMessage(message);
  });
  return () => client.endAsync(true);
}
