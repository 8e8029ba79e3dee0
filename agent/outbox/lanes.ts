/**
 * The order of sending. Four lanes, each a position in the outbox that only moves forward while connected: state before
 * events before telemetry; live telemetry before a long backlog, which is rate-limited so that a device that was away
 * for a week neither floods the broker nor hides what happens now. A short backlog goes first: then all arrives in order.
 */
import type { OutboxRow, RowClass } from '../store/outbox-table.ts';

export type LaneName = 'state' | 'event' | 'live' | 'backlog';

const classes = { state: 'state', event: 'event', live: 'telemetry', backlog: 'telemetry' } as const satisfies Record<
  LaneName,
  RowClass
>;

/** Up to so many rows (ten minutes of one row a second) the backlog simply goes first. */
export const shortBacklogRows = 600;
/** Messages of a long backlog per tick (one second). */
export const backlogPerTick = 20;
/** After a connection a long backlog waits up to so long: a broker that comes back should not be run over by its fleet. */
export const backlogSpreadMs = 20_000;

/** The lanes to try, in order. Pure. */
export function laneOrder(isBacklogLong: boolean, backlogBudget: number): readonly LaneName[] {
  if (!isBacklogLong) return ['state', 'event', 'backlog', 'live'];
  return backlogBudget > 0 ? ['state', 'event', 'live', 'backlog'] : ['state', 'event', 'live'];
}

type Query = (rowClass: RowClass, after: number, upTo: number, limit: number) => OutboxRow[];

export type LaneOptions = {
  readonly query: Query;
  /** Rows that were acknowledged already, and are only still there until the next commit. */
  readonly isGone: (id: number) => boolean;
};

/** Rows read at a time. */
export const pageRows = 128;

/** A forward-only reader of one lane. Rows it gave are not given again until a new lane is made. */
export class Lane {
  readonly #rowClass: RowClass;
  readonly #upTo: number;
  readonly #options: LaneOptions;
  /** Taken up to here. */
  #after: number;
  /** Read up to here. */
  #read: number;
  #page: OutboxRow[] = [];
  /** Read to its end: not asked for again at every message, until something is put in. */
  #isDry = false;

  /** Rows with `after` < id ≤ `upTo`. */
  constructor(name: LaneName, after: number, upTo: number, options: LaneOptions) {
    this.#rowClass = classes[name];
    this.#after = after;
    this.#read = after;
    this.#upTo = upTo;
    this.#options = options;
  }

  /** Rows to come, oldest first, without moving. */
  peek(): readonly OutboxRow[] {
    const { query, isGone } = this.#options;
    while (this.#page.length === 0 && !this.#isDry) {
      const rows = query(this.#rowClass, this.#read, this.#upTo, pageRows);
      this.#read = rows.at(-1)?.id ?? this.#read;
      // A page of nothing but rows that are gone is not the end of the lane.
      this.#page = rows.filter(({ id }) => !isGone(id));
      this.#isDry = rows.length < pageRows;
    }
    return this.#page;
  }

  /** Moves past the first `count` of the rows that `peek` showed. */
  advance(count: number): void {
    const taken = this.#page.splice(0, count);
    this.#after = Math.max(this.#after, taken.at(-1)?.id ?? 0);
  }

  /** Forgets what was read ahead, because rows were evicted. */
  refresh(): void {
    this.#page = [];
    this.#read = this.#after;
    this.#isDry = false;
  }

  /** Something was put in. */
  wake(): void {
    this.#isDry = false;
  }
}
