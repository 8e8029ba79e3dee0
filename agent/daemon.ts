/**
 * The agent's composition root: the one place where its parts are made and joined, started in order and stopped in the
 * reverse one. What comes from outside (processes, clock, hardware) arrives as `Ports`.
 */
import { errorRecordFrom } from '../runtime/base/errors.ts';
import type { AgentConfig, SlotConfig } from './config.ts';
import { Deployment } from './deployment/deployment.ts';
import { agentMetrics } from './health/agent-metrics.ts';
import { HealthMonitor, type HealthMonitorOptions } from './health/health-monitor.ts';
import { serveMetrics } from './health/metrics.ts';
import { HomeAssistant } from './home-assistant/home-assistant.ts';
import { linkTarget } from './link/credentials.ts';
import { Link, type LinkOptions, type Session } from './link/link.ts';
import type { Greeting } from './link/uplink.ts';
import { OrderDesk } from './orders/desk.ts';
import { readOperatorKeys } from './orders/key-ring.ts';
import { Outbox } from './outbox/outbox.ts';
import type { DeviceInfo, Ports } from './ports.ts';
import type { OperatorKey } from './protocol/orders.ts';
import { topics } from './protocol/topics.ts';
import { Publications } from './publications.ts';
import { Reporter } from './reporter.ts';
import { lockFolder } from './store/lock-folder.ts';
import { openStore, type Store } from './store/open-store.ts';
import { StreamWriter } from './telemetry/stream-writer.ts';
import { Streams } from './telemetry/streams.ts';

/** Telemetry is committed, and the outbox drained, this often. */
const commitIntervalMs = 1000;
/** The store may be so much larger than the telemetry it holds: its log, its indexes, its freed pages. */
const storeBytesFor = (telemetryBytes: number) => 2 * telemetryBytes + 16 * 2 ** 20;

/** Made by `start`, joined here. */
type Parts = {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly streams: Streams;
  readonly publications: Publications;
  readonly commit: () => void;
};

export class Daemon implements AsyncDisposable {
  readonly #config: AgentConfig;
  readonly #ports: Ports;
  readonly #stopping = new AbortController();
  /** What was made, in order; undone in the reverse order. */
  readonly #made = new AsyncDisposableStack();
  readonly #background: Promise<void>[] = [];
  readonly #failure = Promise.withResolvers<never>();
  readonly #restart = Promise.withResolvers<void>();
  #deployments: readonly Deployment[] = [];
  #health: HealthMonitor | undefined;
  #desk: OrderDesk | undefined;
  #homeAssistant: HomeAssistant | undefined;
  #info: DeviceInfo | undefined;
  #reporter: Reporter | undefined;

  constructor(config: AgentConfig, ports: Ports) {
    this.#config = config;
    this.#ports = ports;
    this.#failure.promise.catch(() => undefined); // heard by whoever waits for `failed`
  }

  /** Rejects when the agent cannot go on: its store is broken. Never resolves. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** Resolves when an order wants the agent to end and be started again. */
  get restartAsked(): Promise<void> {
    return this.#restart.promise;
  }

  /** @throws STORE_FAILED (another agent has the data folder, or the store is damaged), FILE_NOT_FOUND for credentials. */
  async start(): Promise<void> {
    const { clock, log } = this.#ports;
    const { telemetry, broker, device, dataFolder } = this.#config;
    const target = await linkTarget(broker, device);
    const { operatorKeys } = this.#config.orders;
    const keys = operatorKeys === undefined ? [] : await readOperatorKeys(operatorKeys);
    const parts = this.#createParts();
    this.#deployments = this.#config.slots.map((slot, index) =>
      this.#made.use(this.#createDeployment(parts, slot, index)),
    );
    this.#made.defer(() => this.#stopBackground());
    const homeAssistant = this.#createHomeAssistant(parts.store, (greeting) => link.refresh(greeting));
    this.#homeAssistant = homeAssistant;
    const link = new Link(this.#linkOptions(parts, target, homeAssistant));
    this.#made.defer(() => link.close());
    const desk = this.#made.use(this.#createDesk(parts, link, keys));
    this.#desk = desk;
    this.#reportThrough(link, parts.publications);
    const watched = this.#watched(parts, link);
    const health = new HealthMonitor(watched);
    this.#health = health;
    // Inference first: nothing below is needed for it.
    for (const deployment of this.#deployments) deployment.start();
    desk.start();

    this.#run('link', link.run(this.#stopping.signal));
    this.#run('probe', this.#probe(link, parts.publications));
    this.#run(
      'commit',
      this.#every(commitIntervalMs, () => this.#tick(parts, link)),
    );
    const readSystem = () => {
      const reading = this.#ports.readSystem();
      parts.streams.writeSystem(reading, this.#deployments[0]?.runnerPid);
      for (const deployment of this.#deployments) deployment.noteSystem(reading);
      health.check(reading);
    };
    this.#run('watchdog', health.feedWatchdog(this.#stopping.signal));
    const { metrics } = this.#config;
    if (metrics) this.#made.use(await serveMetrics(metrics.port, () => agentMetrics(health, watched)));
    void this.#ports.systemd.notify('READY=1');
    this.#run('system', this.#every(telemetry.systemIntervalMs, readSystem));
    // The host alone: an address may carry a password.
    log.info(
      { device, broker: new URL(broker.url).host, dataFolder, startMs: Math.round(clock.monotonicMs()) },
      'agent started',
    );
  }

  /** Says goodbye to the broker, ends the runners, stores their last decisions, closes the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    void this.#ports.systemd.notify('STOPPING=1');
    await this.#made.disposeAsync();
  }

  #createParts(): Parts {
    const { clock, log, random } = this.#ports;
    const { device, dataFolder, telemetry } = this.#config;
    this.#made.use(lockFolder(dataFolder));
    const store = this.#made.use(openStore(dataFolder, { maxBytes: storeBytesFor(telemetry.maxBytes) }));
    const limits = { maxBytes: telemetry.maxBytes, maxAgeMs: telemetry.maxAgeHours * 3_600_000 };
    const topicOf = (stream: string) => topics.telemetry(device, stream);
    const outbox = new Outbox({ store, clock, limits, log, topicOf, random });
    const writer = new StreamWriter(device);
    const commit = () => {
      const { batches, gaps } = writer.take(clock.wallMs());
      outbox.commit(batches, gaps);
    };
    this.#made.defer(commit);
    const streams = new Streams({ store, writer, random, clock });
    const publications = new Publications({ config: this.#config, ports: this.#ports, outbox });
    return { store, outbox, streams, publications, commit };
  }

  #createDeployment({ store, streams, publications }: Parts, slot: SlotConfig, index: number): Deployment {
    return new Deployment({
      ...{ config: this.#config, slot, ports: this.#ports, store },
      announce: ({ type, severity, text }) => publications.event(type, severity, text, { slot: slot.slot }),
      publishTrials: ({ model, trials }) => publications.trials(model, trials),
      // The first slot has the stream that every console knows; further ones carry their name.
      openDecisions: () => streams.openDecisions(index === 0 ? 'decisions' : `decisions-${slot.slot}`),
      onChange: () => this.#reporter?.changed(),
      onOrder: (progress) => this.#desk?.note(progress),
      onDecisions: (decisions) => this.#health?.noteDecisions(slot.slot, decisions),
      onCrash: () => this.#health?.noteCrash(slot.slot),
      onBroken: (error) => this.#failure.reject(error),
    });
  }

  #watched({ store, outbox, publications }: Parts, link: Link): HealthMonitorOptions {
    const { maxBytes } = this.#config.telemetry;
    return {
      ...{ ports: this.#ports, slots: () => this.#deployments, isConnected: () => link.isConnected },
      hasRoom: () => store.reserve.hasRoomForTelemetry(),
      outbox: () => ({ waiting: outbox.waiting, bytes: outbox.bytes, maxBytes }),
      announce: (type, severity, text, data) => publications.event(type, severity, text, data),
    };
  }

  #linkOptions(
    { store, outbox, publications }: Parts,
    target: LinkOptions['target'],
    homeAssistant: HomeAssistant,
  ): LinkOptions {
    const { clock, random, log } = this.#ports;
    return {
      ...{ clock, random, log, outbox, target },
      maxDelayMs: this.#config.broker.maxReconnectDelayMs,
      subscriptions: [topics.everythingTo(this.#config.device)],
      optionalSubscriptions: homeAssistant.subscriptions,
      session: () => this.#session(store, publications),
      onMessage: (arrived) => {
        if (!homeAssistant.take(arrived)) this.#desk?.take(arrived);
      },
      onForgotten: () => {
        this.#desk?.sayAgain();
        for (const { state } of this.#deployments)
          if (state.model && state.trials.length > 0) publications.trials(state.model, state.trials);
      },
    };
  }

  #session(store: Store, publications: Publications): Session {
    const sess = store.stateTransaction(() => store.meta.increment('sess'));
    return {
      will: publications.status(false, sess),
      greetings: () => [
        publications.status(true, sess),
        ...(this.#info === undefined ? [] : [publications.info(this.#info)]),
        this.#reported(publications),
        ...(this.#homeAssistant?.greetings() ?? []),
      ],
      farewell: () => publications.status(false, sess),
    };
  }

  #createHomeAssistant(store: Store, publish: (greeting: Greeting) => void): HomeAssistant {
    const { signal } = this.#stopping;
    return new HomeAssistant({
      ...{ config: this.#config, ports: this.#ports, store, publish, signal },
      info: () => this.#info,
    });
  }

  #createDesk({ store, outbox, publications }: Parts, link: Link, operatorKeys: readonly OperatorKey[]): OrderDesk {
    return new OrderDesk({
      ...{ config: this.#config, ports: this.#ports, store, publications, operatorKeys },
      slots: () => this.#deployments,
      isClockRight: () => this.#ports.clockTrust().isTrusted,
      shown: () => this.#health?.shown ?? [],
      waiting: () => outbox.waiting,
      say: (topic, payload, options) => link.say(topic, payload, options),
      show: (message) => link.refresh(message),
      onUrgent: () => link.drain(),
      onChange: () => this.#reporter?.changed(),
      onBroken: (error) => this.#failure.reject(error),
      stopAgent: () => this.#restart.resolve(),
      signal: this.#stopping.signal,
    });
  }

  #reportThrough(link: Link, publications: Publications): void {
    const publish = () => link.refresh(this.#reported(publications));
    this.#reporter = new Reporter(publish, this.#ports.clock, this.#stopping.signal);
  }

  #reported(publications: Publications) {
    const none = { desiredVersion: 0, slots: this.#deployments.map(({ reported }) => reported) };
    return publications.reported(this.#desk?.reported ?? none);
  }

  async #probe(link: Link, publications: Publications): Promise<void> {
    try {
      this.#info = await this.#ports.probe(this.#stopping.signal);
      link.refresh(publications.info(this.#info));
      this.#homeAssistant?.refresh();
    } catch (error) {
      // A device that cannot be described still infers.
      if (!this.#stopping.signal.aborted)
        this.#ports.log.error({ error: errorRecordFrom(error) }, 'probe failed: no info is published');
    }
  }

  #tick({ commit }: Parts, link: Link): void {
    commit();
    this.#desk?.tick();
    link.drain();
  }

  async #every(intervalMs: number, work: () => void): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#ports.clock.sleep(intervalMs, signal).catch(() => undefined); // stopping: the loop ends
      if (!signal.aborted) work();
    }
  }

  #run(name: string, work: Promise<void>): void {
    this.#background.push(
      work.catch((error: unknown) => {
        this.#ports.log.fatal({ task: name, error: errorRecordFrom(error) }, 'the agent cannot go on');
        this.#failure.reject(error);
      }),
    );
  }

  async #stopBackground(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#background);
  }
}
