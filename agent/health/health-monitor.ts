/**
 * Watches over the whole agent: tells what is wrong and when it is over, and feeds the service manager's watchdog for as long
 * as inference is alive.
 */
import type { Decision } from '../../runtime/infer/messages.ts';
import type { DeploymentState } from '../deployment/state.ts';
import type { Ports, SystemReading } from '../ports.ts';
import { assess, type Holding, type Shown } from './assess.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { HealthFacts, SlotFacts } from './warnings.ts';

/** A slot's deployment, as far as its health goes. */
export type WatchedSlot = {
  readonly slot: string;
  readonly state: Pick<DeploymentState, 'phase' | 'active' | 'demotedFrom'>;
  readonly runnerPid: number | undefined;
  /** When its runner was last heard of, monotonic milliseconds. */
  readonly heardMs: number | null;
};

export type HealthMonitorOptions = {
  readonly ports: Pick<Ports, 'clock' | 'clockTrust' | 'log' | 'systemd' | 'version'>;
  readonly slots: () => readonly WatchedSlot[];
  readonly isConnected: () => boolean;
  readonly hasRoom: () => boolean;
  readonly outbox: () => { readonly waiting: number; readonly bytes: number; readonly maxBytes: number };
  readonly announce: (type: string, severity: 'info' | 'warning' | 'error', text: string, data: unknown) => void;
};

export type SlotCounts = {
  readonly latency: LatencyHistogram;
  decidedMs: number | null;
  crashes: number;
  /** Of the last hour, monotonic milliseconds. */
  crashesMs: readonly number[];
};

const hourMs = 3_600_000;
/** A runner that says nothing for so long hangs: it beats every ten seconds, but not while it loads a model. */
const hungMs = 120_000;

export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  readonly #slots = new Map<string, SlotCounts>();
  #holding: Holding = {};
  #shown: readonly Shown[] = [];
  #reading: SystemReading | undefined;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
  }

  get shown(): readonly Shown[] {
    return this.#shown;
  }

  get reading(): SystemReading | undefined {
    return this.#reading;
  }

  noteDecisions(slot: string, decisions: readonly Decision[]): void {
    const counts = this.countsOf(slot);
    counts.decidedMs = this.#options.ports.clock.monotonicMs();
    for (const { latencyUs } of decisions) counts.latency.note(latencyUs);
  }

  noteCrash(slot: string): void {
    const nowMs = this.#options.ports.clock.monotonicMs();
    const counts = this.countsOf(slot);
    counts.crashes += 1;
    counts.crashesMs = [...counts.crashesMs.filter((atMs) => nowMs - atMs < hourMs), nowMs];
  }

  /** Every few seconds. Tells what has begun or ended to be wrong. */
  check(reading: SystemReading): void {
    const { ports, announce } = this.#options;
    this.#reading = reading;
    const before = this.#shown;
    [this.#holding, this.#shown] = assess(this.#holding, this.#facts(reading), ports.clock.monotonicMs());
    const isIn = (list: readonly Shown[], { code }: Shown) => list.some((one) => one.code === code);
    for (const { code, severity, text } of this.#shown.filter((one) => !isIn(before, one))) {
      ports.log.warn({ code }, text);
      announce('health', severity, text, { code, holds: true });
    }
    for (const { code, text } of before.filter((one) => !isIn(this.#shown, one)))
      announce('health', 'info', `over: ${text}`, { code, holds: false });
  }

  /** Feeds the watchdog until aborted, for as long as no runner hangs. */
  async feedWatchdog(signal: AbortSignal): Promise<void> {
    const { clock, systemd } = this.#options.ports;
    if (systemd.watchdogMs === undefined) return;
    while (!signal.aborted) {
      if (this.isAlive) await systemd.notify('WATCHDOG=1');
      // Half of what is asked for, as sd_watchdog_enabled(3) advises.
      await clock.sleep(systemd.watchdogMs / 2, signal).catch(() => undefined); // stopping: the loop ends
    }
  }

  /** Every runner that there is was heard of. A sensor that is silent is no reason to restart anything. */
  get isAlive(): boolean {
    return this.#slotFacts().every(({ unheardMs }) => unheardMs === null || unheardMs < hungMs);
  }

  countsOf(slot: string): SlotCounts {
    const known = this.#slots.get(slot);
    if (known) return known;
    const counts: SlotCounts = { latency: new LatencyHistogram(), decidedMs: null, crashes: 0, crashesMs: [] };
    this.#slots.set(slot, counts);
    return counts;
  }

  #facts({ memoryAvailableBytes, throttled }: SystemReading): HealthFacts {
    const { ports, isConnected, hasRoom, outbox } = this.#options;
    const { bytes, maxBytes } = outbox();
    return {
      ...{ isConnected: isConnected(), hasRoom: hasRoom(), clock: ports.clockTrust(), outboxShare: bytes / maxBytes },
      ...{ memoryAvailableBytes, throttled, slots: this.#slotFacts() },
    };
  }

  #slotFacts(): SlotFacts[] {
    const nowMs = this.#options.ports.clock.monotonicMs();
    const since = (atMs: number | null) => (atMs === null ? null : nowMs - atMs);
    return this.#options.slots().map(({ slot, state, runnerPid, heardMs }) => {
      const { decidedMs, crashesMs } = this.countsOf(slot);
      return {
        ...{ slot, phase: state.phase, isActive: state.active !== null, isDemoted: state.demotedFrom !== null },
        silentMs: since(decidedMs),
        unheardMs: runnerPid === undefined ? null : since(heardMs),
        crashes: crashesMs.filter((atMs) => nowMs - atMs < hourMs).length,
      };
    });
  }
}
