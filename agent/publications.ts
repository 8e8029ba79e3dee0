/** What the agent says about itself: each message as its topic and payload, the lasting ones put into the outbox. */

import type { BenchReport } from '../runtime/measure/bench-report.ts';
import type { VariantRow } from '../runtime/select/selection.ts';
import type { AgentConfig } from './config.ts';
import type { ModelRef, Runnable } from './deployment/state.ts';
import type { Greeting } from './link/uplink.ts';
import type { Notice, Outbox } from './outbox/outbox.ts';
import type { DeviceInfo, Ports } from './ports.ts';
import {
  type Bench,
  type Event,
  type Info,
  type JobState,
  type Log,
  type Reported,
  type Status,
  streamColumns,
} from './protocol/messages.ts';
import { jobArgs, requestArgs } from './protocol/orders.ts';
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
      jobs: Object.keys(jobArgs),
      requests: Object.keys(requestArgs),
      streams: { decisions: [...streamColumns.decisions], system: [...streamColumns.system] },
    };
    return { topic: topics.info(this.#device), payload: JSON.stringify(info) };
  }

  reported(reported: Reported): Greeting {
    return { topic: topics.reported(this.#device), payload: JSON.stringify(reported) };
  }

  /** A change of state, to be kept until the broker has it. */
  jobState(state: JobState): void {
    const topic = topics.jobState(this.#device, state.job);
    this.#enqueue({ class: 'state', topic, payload: JSON.stringify(state), retain: true });
  }

  /** The same as a message that is worthless later. */
  jobProgress(state: JobState): Greeting {
    return { topic: topics.jobState(this.#device, state.job), payload: JSON.stringify(state) };
  }

  /** Takes the retained state of a job back (MQTT 5 §3.3.1.3: an empty retained message). */
  clearJob(job: string): void {
    this.#enqueue({ class: 'state', topic: topics.jobState(this.#device, job), payload: '', retain: true });
  }

  /** In parts that fit into a message each. */
  log(job: string, lines: readonly string[]): void {
    const parts = partsOf(lines);
    parts.forEach((part, index) => {
      const log: Log = { job, part: index + 1, parts: parts.length, lines: [...part] };
      this.#enqueue({ class: 'event', topic: topics.log(this.#device, job), payload: JSON.stringify(log) });
    });
  }

  /** What a benchmark job measured of `runnable`. */
  benchReport({ model, variant }: Runnable, report: BenchReport): void {
    const { name, version, digest } = model;
    const bench: Bench = { ts: this.#options.ports.clock.wallMs(), model: name, version, digest, report };
    const topic = topics.bench(this.#device, name, topicLevelFrom(variant));
    this.#enqueue({ class: 'state', topic, payload: JSON.stringify(bench), retain: true });
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

/** Text per message; every broker takes 128 KiB. */
const partBytes = 64 * 1024;

function partsOf(lines: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  let bytes = 0;
  for (const line of lines) {
    const size = Buffer.byteLength(line) + 4;
    if (bytes > 0 && bytes + size > partBytes) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(line);
    bytes += size;
  }
  return parts;
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
