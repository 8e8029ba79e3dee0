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

/** The lanes to try, in order. Pure. */
export function laneOrder(isBacklogLong: boolean, backlogBudget: number): readonly LaneName[] {
  if (!isBacklogLong) return ['state', 'event', 'backlog', 'live'];
  return backlogBudget > 0 ? ['state', 'event', 'live', 'backlog'] : ['state', 'event', 'live'];
}

type Query = (rowClass: RowClass, after: number, upTo: number, limit: number) => OutboxRow[];

/** A forward-only reader of one lane. Rows it gave are not given again until a new lane is made. */
export class Lane {
  readonly #rowClass: RowClass;
  readonly #upTo: number;
  readonly #query: Query;
  #after: number;
  #page: OutboxRow[] = [];

  /** Rows with `after` < id ≤ `upTo`. */
  constructor(name: LaneName, after: number, upTo: number, query: Query) {
    this.#rowClass = classes[name];
    this.#after = after;
    this.#upTo = upTo;
    this.#query = query;
  }

  /** Rows to come, oldest first, without moving. */
  peek(): readonly OutboxRow[] {
    if (this.#page.length === 0) this.#page = this.#query(this.#rowClass, this.#after, this.#upTo, 64);
    return this.#page;
  }

  /** Moves past the first `count` of the rows that `peek` showed. */
  advance(count: number): void {
    const taken = this.#page.splice(0, count);
    this.#after = taken.at(-1)?.id ?? this.#after;
  }

  /** Forgets what was read ahead, because rows were evicted. */
  refresh(): void {
    this.#page = [];
  }
}
