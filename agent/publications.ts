/** What the agent says about itself: each message as its topic and payload, the lasting ones put into the outbox. */
import type { VariantRow } from '../runtime/select/selection.ts';
import type { AgentConfig } from './config.ts';
import type { ModelRef } from './deployment/state.ts';
import type { Greeting } from './link/uplink.ts';
import type { Notice, Outbox } from './outbox/outbox.ts';
import type { DeviceInfo, Ports } from './ports.ts';
import type { Bench, Event, Info, Reported, Status } from './protocol/messages.ts';
import { topics } from './protocol/topics.ts';
import { isDiskFull } from './store/store-error.ts';

export type PublicationsOptions = {
  readonly config: AgentConfig;
  readonly ports: Pick<Ports, 'clock' | 'log' | 'version' | 'bootId'>;
  readonly outbox: Outbox;
};

export class Publications {
  readonly #options: PublicationsOptions;
  readonly #device: string;

  constructor(options: PublicationsOptions) {
    this.#options = options;
    this.#device = options.config.device;
  }

  status(online: boolean, sess: number): Greeting {
    const { clock, version, bootId } = this.#options.ports;
    const status: Status = { online, sess, bootId: bootId(), ts: clock.wallMs(), agent: version };
    return { topic: topics.status(this.#device), payload: JSON.stringify(status) };
  }

  info(found: DeviceInfo): Greeting {
    const { config, ports } = this.#options;
    const info: Info = {
      proto: 'octet/1',
      device: this.#device,
      ...found,
      node: process.version,
      agent: ports.version,
      simulated: simulatedIn(config),
    };
    return { topic: topics.info(this.#device), payload: JSON.stringify(info) };
  }

  reported(slots: Reported['slots']): Greeting {
    // 0: the local configuration asked for these slots, no desired document did.
    const reported: Reported = { desiredVersion: 0, slots };
    return { topic: topics.reported(this.#device), payload: JSON.stringify(reported) };
  }

  event(type: string, severity: Event['severity'], text: string, data?: unknown): void {
    const event: Event = {
      ts: this.#options.ports.clock.wallMs(),
      severity,
      text,
      ...(data === undefined ? {} : { data }),
    };
    this.#enqueue({ class: 'event', topic: topics.event(this.#device, type), payload: JSON.stringify(event) });
  }

  /** One retained record per variant: the fleet's table of measurements needs no database. */
  trials({ name, version, digest }: ModelRef, rows: readonly VariantRow[]): void {
    for (const row of rows) {
      const bench: Bench = { ts: this.#options.ports.clock.wallMs(), model: name, version, digest, trial: row };
      const topic = topics.bench(this.#device, name, topicLevelFrom(row.variant));
      this.#enqueue({ class: 'state', topic, payload: JSON.stringify(bench), retain: true });
    }
  }

  #enqueue(notice: Notice): void {
    try {
      this.#options.outbox.enqueue(notice);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#options.ports.log.warn({ topic: notice.topic }, 'the disk is full: a message is dropped');
    }
  }
}

/** A variant's name without what a topic level may not hold. */
function topicLevelFrom(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]/g, '-');
}

function simulatedIn({ slots }: AgentConfig): string[] {
  return slots
    .filter(({ source }) => source.kind === 'replay')
    .map(({ slot }) => `slot ${slot}: sensor replayed from recordings`);
}
