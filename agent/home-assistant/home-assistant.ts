/**
 * Opt-in discovery for Home Assistant: said on every connection, and again when Home Assistant is born, because it forgets
 * what it was told before. Switched off again, the retained document is taken back.
 */
import type { AgentConfig } from '../config.ts';
import type { Arrived } from '../link/connect-once.ts';
import type { Greeting } from '../link/uplink.ts';
import type { DeviceInfo, Ports } from '../ports.ts';
import type { Store } from '../store/open-store.ts';
import { discoveryDocument, discoveryTopic } from './discovery.ts';

export type HomeAssistantOptions = {
  readonly config: AgentConfig;
  readonly ports: Pick<Ports, 'clock' | 'random' | 'version'>;
  readonly store: Store;
  readonly info: () => DeviceInfo | undefined;
  readonly publish: (greeting: Greeting) => void;
  readonly signal: AbortSignal;
};

/** A fleet does not answer a birth all at once. */
const spreadMs = 3000;

export class HomeAssistant {
  readonly #options: HomeAssistantOptions;

  constructor(options: HomeAssistantOptions) {
    this.#options = options;
  }

  get subscriptions(): readonly string[] {
    return this.#birthTopic === undefined ? [] : [this.#birthTopic];
  }

  /** What to say on a connection; also what was said under another setting, taken back. */
  greetings(): readonly Greeting[] {
    const { config, store } = this.#options;
    const topic = config.homeAssistant && discoveryTopic(config.homeAssistant.prefix, config.device);
    const before = store.documents.get('home-assistant') ?? '';
    if (before !== (topic ?? '')) store.stateTransaction(() => store.documents.put('home-assistant', topic ?? ''));
    const outdated = before !== '' && before !== topic ? [{ topic: before, payload: '' }] : [];
    return [...outdated, ...(topic === undefined ? [] : [this.#document(topic)])];
  }

  /** @returns whether the message was for this. */
  take({ topic, payload, retain }: Arrived): boolean {
    if (topic !== this.#birthTopic) return false;
    // A retained birth is as old as the connection, which has just been greeted.
    if (payload.toString('utf8') === 'online' && !retain) void this.#answer();
    return true;
  }

  /** Says it again, when the device has learned more about itself. */
  refresh(): void {
    for (const greeting of this.greetings()) this.#options.publish(greeting);
  }

  async #answer(): Promise<void> {
    const { ports, signal } = this.#options;
    // Stopping: nothing is said any more.
    await ports.clock.sleep(spreadMs * ports.random(), signal).then(
      () => this.refresh(),
      () => undefined,
    );
  }

  get #birthTopic(): string | undefined {
    const { homeAssistant } = this.#options.config;
    return homeAssistant && `${homeAssistant.prefix}/status`;
  }

  #document(topic: string): Greeting {
    const { config, info, ports } = this.#options;
    return { topic, payload: JSON.stringify(discoveryDocument(config, info(), ports.version)) };
  }
}
