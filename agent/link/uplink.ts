/**
 * What happens on one connection, in an order that keeps consumers right: subscribe, then status, info and reported
 * (retained), then the outbox, at most twenty messages in flight. It is the same on the first connection and on every later one.
 */

import type { OutboxMessage } from '../outbox/message.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { type Connection, PublishRefused } from './connect-once.ts';

/** A retained message of which only the newest counts; it needs no queue. */
export type Greeting = { readonly topic: string; readonly payload: string };

const maxInFlight = 20;

/** PUBACK reasons that stay the same however often the message is sent (MQTT 5 §3.4.2.1). */
const permanentRefusals: Readonly<Record<number, string>> = {
  144: 'topic name invalid',
  149: 'packet too large',
  153: 'payload format invalid',
};

export class Uplink {
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #window: number;
  #inFlight = 0;
  #isReady = false;

  constructor(connection: Connection, outbox: Outbox) {
    this.#connection = connection;
    this.#outbox = outbox;
    this.#window = Math.min(maxInFlight, connection.receiveMaximum);
  }

  /** Before anything is said: what comes back must have somewhere to go. @throws when the connection ends meanwhile. */
  async subscribe(filters: readonly string[]): Promise<void> {
    this.#outbox.rewind();
    await this.#connection.subscribe(filters);
  }

  /** Greets; only then is the outbox drained. @throws when the connection ends meanwhile. */
  async open(greetings: readonly Greeting[]): Promise<void> {
    await Promise.all(greetings.map((greeting) => this.greet(greeting)));
    this.#isReady = true;
    this.drain();
  }

  async greet({ topic, payload }: Greeting): Promise<void> {
    await this.#connection.publish(topic, payload, { qos: 1, retain: true });
  }

  /** Sends while there is something to send and room in flight. Called again after each commit and acknowledgement. */
  drain(): void {
    while (this.#isReady && this.#inFlight < this.#window) {
      const message = this.#outbox.next();
      if (message === undefined) return;
      this.#inFlight += 1;
      void this.#send(message);
    }
  }

  async #send(message: OutboxMessage): Promise<void> {
    const { topic, payload, qos, retain } = message;
    try {
      await this.#connection.publish(topic, payload, { qos, retain });
      this.#outbox.acknowledge(message);
    } catch (error) {
      this.#refused(message, error);
    }
    this.#inFlight -= 1;
    this.drain();
  }

  /** When the connection ended the rows simply stay; when the broker cannot take more now, leave and come back later. */
  #refused(message: OutboxMessage, error: unknown): void {
    if (!(error instanceof PublishRefused)) {
      this.#isReady = false;
      return;
    }
    const permanent = permanentRefusals[error.reasonCode];
    if (permanent !== undefined) this.#outbox.refuse(message, `broker: ${permanent}`);
    else {
      this.#isReady = false;
      void this.#connection.end();
    }
  }
}
