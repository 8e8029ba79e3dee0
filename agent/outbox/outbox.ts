/**
 * The durable queue between the device and the broker. A row leaves it only when the broker has acknowledged it, or when
 * a quota drops it, and then a gap record says which sequence numbers are gone and why. Acknowledgements, new telemetry
 * and evictions share one transaction a second, which is kind to flash.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { Logger } from '../../runtime/base/log.ts';
import type { Store } from '../store/open-store.ts';
import { type NewRow, type OutboxRow, type Range, rowBytes } from '../store/outbox-table.ts';
import { isDiskFull } from '../store/store-error.ts';
import { backlogPerTick, backlogSpreadMs, Lane, type LaneName, laneOrder, shortBacklogRows } from './lanes.ts';
import { batchOf, messageFrom, type OutboxMessage } from './message.ts';
import { firstCredibleMs, rowsToEvict } from './quota.ts';
import { type Gap, mergeGaps } from './ranges.ts';

export type OutboxLimits = { readonly maxBytes: number; readonly maxAgeMs: number };

/** Events have a share of the bytes of their own: neither may telemetry push them out, nor they push out telemetry. */
const eventShare = 0.125;

export type OutboxOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly limits: OutboxLimits;
  readonly log: Pick<Logger, 'warn'>;
  /** The topic of a stream, for gap records. */
  readonly topicOf: (stream: string) => string;
  /** 0 to 1. */
  readonly random: () => number;
};

/** A message that is not telemetry. */
export type Notice = {
  readonly class: 'state' | 'event';
  readonly topic: string;
  readonly payload: string;
  readonly retain?: boolean;
};

export class Outbox {
  readonly #options: OutboxOptions;
  /** Handed to the link and not yet acknowledged. */
  readonly #inFlight = new Set<number>();
  /** Acknowledged, deleted at the next commit. */
  readonly #acknowledged = new Map<number, { readonly bytes: number; readonly isEvent: boolean }>();
  #lanes: Record<LaneName, Lane>;
  #isBacklogLong = false;
  #backlogBudget = backlogPerTick;
  /** A long backlog is not drained before this, monotonic milliseconds. */
  #backlogFromMs = 0;
  /** Kept here, because counting a million rows takes a while. */
  #bytes: number;
  #eventBytes: number;
  #count: number;
  #unstatedGaps: readonly Gap[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
    const { bytes, count } = options.store.outbox.totals();
    this.#bytes = bytes;
    this.#count = count;
    this.#eventBytes = options.store.outbox.bytes('event');
    this.#lanes = this.#openLanes();
  }

  /** Rows that still wait, without those already acknowledged. */
  get waiting(): number {
    return this.#count - this.#acknowledged.size;
  }

  /** Bytes that count towards the quota. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Stores a state or event message, durable on return. @throws DISK_FULL when not even the reserve has room. */
  enqueue({ retain = false, ...notice }: Notice): void {
    const { store, clock } = this.#options;
    const row: NewRow = { ...notice, retain, qos: 1, createdMs: clock.wallMs() };
    // Of a retained topic the broker keeps the newest only: older ones that still wait are not worth sending.
    const stale = retain ? store.outbox.retained(notice.class, notice.topic).filter(({ id }) => this.#isFree(id)) : [];
    store.stateTransaction(() => {
      for (const { id } of stale) store.outbox.delete(id);
      store.outbox.insert(row);
    });
    this.#counted([row], stale);
    if (stale.length > 0) this.#lanes[notice.class].refresh();
    else this.#lanes[notice.class].wake();
  }

  /**
   * Once a second: stores telemetry, deletes what was acknowledged, applies the quotas. Never throws for a full disk:
   * the telemetry is dropped and its gap stated.
   */
  commit(batches: readonly NewRow[], lostBefore: readonly Gap[] = []): void {
    this.#backlogBudget = backlogPerTick;
    const { store, clock, limits } = this.#options;
    const dropped = [...this.#unstatedGaps, ...lostBefore];
    this.#unstatedGaps = dropped;
    const added = batches.reduce((sum, row) => sum + rowBytes(row), 0);
    const evicted = this.#choose(
      batches.length,
      this.#bytes + added - limits.maxBytes,
      clock.wallMs() - limits.maxAgeMs,
    );
    const hasWork = batches.length + dropped.length + evicted.length + this.#acknowledged.size > 0;
    if (!hasWork) return;
    if (!store.reserve.hasRoomForTelemetry()) this.#commitWithoutTelemetry(batches, evicted);
    else {
      try {
        const gaps = store.transaction(() => this.#write(batches, evicted, dropped));
        this.#committed([...batches, ...gaps], evicted);
        store.reserve.hold();
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        this.#commitWithoutTelemetry(batches, evicted);
      }
    }
  }

  /** The next message to send, or undefined when nothing is to be sent now. */
  next(): OutboxMessage | undefined {
    const budget = this.#options.clock.monotonicMs() < this.#backlogFromMs ? 0 : this.#backlogBudget;
    for (const name of laneOrder(this.#isBacklogLong, budget)) {
      const lane = this.#lanes[name];
      const rows = batchOf(lane.peek());
      if (rows.length === 0) continue;
      lane.advance(rows.length);
      for (const { id } of rows) this.#inFlight.add(id);
      if (name === 'backlog') this.#backlogBudget -= 1;
      return messageFrom(rows, name === 'backlog');
    }
    return undefined;
  }

  /** The broker has it: the rows go at the next commit. */
  acknowledge({ rows }: OutboxMessage): void {
    for (const row of rows) {
      this.#inFlight.delete(row.id);
      this.#acknowledged.set(row.id, { bytes: rowBytes(row), isEvent: row.class === 'event' });
    }
  }

  /** The broker will never take it: its rows are dropped; the log says so, and for telemetry a gap does. */
  refuse(message: OutboxMessage, reason: string): void {
    this.#options.log.warn(
      { topic: message.topic, reason, rows: message.rows.length },
      'a message is refused for good',
    );
    this.#unstatedGaps = [...this.#unstatedGaps, ...gapsFrom(message.rows, reason)];
    this.acknowledge(message);
  }

  /** A connection begins (or ended): what was not acknowledged is sent again; what is here now is backlog. */
  rewind(): void {
    const { clock, random } = this.#options;
    this.#inFlight.clear();
    this.#lanes = this.#openLanes();
    this.#backlogFromMs = this.#isBacklogLong ? clock.monotonicMs() + backlogSpreadMs * random() : 0;
  }

  #openLanes(): Record<LaneName, Lane> {
    const { outbox } = this.#options.store;
    const boundary = outbox.lastId();
    this.#isBacklogLong = outbox.countUpTo('telemetry', shortBacklogRows + 1) > shortBacklogRows;
    const lane = (name: LaneName, after: number, upTo: number) =>
      new Lane(name, after, upTo, { query: outbox.between, isGone: (id) => this.#acknowledged.has(id) });
    const end = Number.MAX_SAFE_INTEGER;
    return {
      state: lane('state', 0, end),
      event: lane('event', 0, end),
      live: lane('live', boundary, end),
      backlog: lane('backlog', 0, boundary),
    };
  }

  /** What the quotas drop now: too old, then too much; never what is on its way. */
  #choose(addedRows: number, excessBytes: number, oldestMs: number): Eviction[] {
    const { store, limits } = this.#options;
    // So many at a time; never fewer than come in.
    const most = Math.max(512, 2 * addedRows);
    const isFree = ({ id }: OutboxRow) => this.#isFree(id);
    const old = (name: 'telemetry' | 'event') =>
      store.outbox.dated(name, firstCredibleMs, oldestMs, most).filter((row) => isFree(row) && row.gap === undefined);
    const byAge = [...old('telemetry'), ...old('event')];
    const acknowledgedBytes = [...this.#acknowledged.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    const excessOf = {
      telemetry: excessBytes - acknowledgedBytes,
      event: this.#eventBytes - eventShare * limits.maxBytes,
    };
    const gone = new Set(byAge.map(({ id }) => id));
    const byQuota = (['telemetry', 'event'] as const).flatMap((name) => {
      const excess = excessOf[name] - byAge.reduce((sum, row) => sum + (row.class === name ? rowBytes(row) : 0), 0);
      if (excess <= 0) return [];
      return rowsToEvict(
        store.outbox.oldest(name, most).filter((row) => isFree(row) && !gone.has(row.id)),
        excess,
      );
    });
    return [...byAge.map((row) => ({ row, reason: 'age' })), ...byQuota.map((row) => ({ row, reason: 'quota' }))];
  }

  /** Neither on its way nor there already. */
  #isFree(id: number): boolean {
    return !this.#inFlight.has(id) && !this.#acknowledged.has(id);
  }

  /** @returns the gap records it took. */
  #write(batches: readonly NewRow[], evicted: readonly Eviction[], gaps: readonly Gap[]): NewRow[] {
    const { outbox, streams } = this.#options.store;
    for (const id of this.#acknowledged.keys()) outbox.delete(id);
    for (const { row } of evicted) outbox.delete(row.id);
    const lastOf = new Map<string, Range>();
    for (const row of batches) {
      outbox.insert(row);
      if (row.range) lastOf.set(`${row.range.stream}/${row.range.epoch}`, row.range);
    }
    for (const { stream, epoch, last } of lastOf.values()) streams.advance(stream, epoch, last + 1);
    const dropped = [...gaps, ...evicted.flatMap(({ row, reason }) => gapsFrom([row], reason))];
    return mergeGaps(dropped).flatMap((gap) => this.#stateGap(gap));
  }

  #stateGap({ reason, ...range }: Gap): NewRow[] {
    const { store, clock, topicOf } = this.#options;
    const previous = store.outbox.lastGap(range.stream, range.epoch);
    const canGrow =
      previous?.gap === reason && previous.range?.last === range.first - 1 && !this.#inFlight.has(previous.id);
    if (previous && canGrow) {
      store.outbox.extendGap(previous.id, range.last);
      return [];
    }
    const row: NewRow = {
      ...{ class: 'event', topic: topicOf(range.stream), payload: '[]', qos: 1, retain: false },
      ...{ createdMs: clock.wallMs(), range, gap: reason },
    };
    store.outbox.insert(row);
    return [row];
  }

  /** The disk is full: the telemetry goes, its gap is state. If even that does not fit, it is stated at a later commit. */
  #commitWithoutTelemetry(batches: readonly NewRow[], evicted: readonly Eviction[]): void {
    const { store, log } = this.#options;
    const lost = batches.flatMap(({ range }) => (range ? [{ ...range, reason: 'disk full' }] : []));
    const gaps = mergeGaps([...this.#unstatedGaps, ...lost]);
    this.#unstatedGaps = gaps;
    try {
      const rows = store.stateTransaction(() => this.#write([], evicted, gaps));
      this.#committed(rows, evicted);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      log.warn(
        { gaps: gaps.length },
        'the disk is full: telemetry is dropped; the gap will be stated once there is room',
      );
    }
  }

  #committed(added: readonly NewRow[], evicted: readonly Eviction[]): void {
    this.#counted(
      added,
      evicted.map(({ row }) => row),
    );
    for (const { bytes, isEvent } of this.#acknowledged.values()) {
      this.#bytes -= bytes;
      if (isEvent) this.#eventBytes -= bytes;
    }
    this.#count -= this.#acknowledged.size;
    this.#acknowledged.clear();
    this.#unstatedGaps = [];
    // What was read ahead may have been evicted, or be a gap that has grown since.
    for (const lane of Object.values(this.#lanes)) lane.refresh();
  }

  #counted(added: readonly NewRow[], gone: readonly NewRow[]): void {
    const bytes = (rows: readonly NewRow[]) => rows.reduce((sum, row) => sum + rowBytes(row), 0);
    const events = (rows: readonly NewRow[]) => bytes(rows.filter((row) => row.class === 'event'));
    this.#bytes += bytes(added) - bytes(gone);
    this.#eventBytes += events(added) - events(gone);
    this.#count += added.length - gone.length;
  }
}

type Eviction = { readonly row: OutboxRow; readonly reason: string };

/** Gap rows among the dropped keep their own reason: what was lost first was lost for that. */
function gapsFrom(rows: readonly OutboxRow[], reason: string): Gap[] {
  return rows.flatMap(({ range, gap }) => (range ? [{ ...range, reason: gap ?? reason }] : []));
}
