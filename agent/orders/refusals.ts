/**
 * What was refused, for the operator to see: in memory and in `reported`, so that a flood of junk costs no disk; a rare event
 * tells those who only follow events.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { Reported } from '../protocol/messages.ts';
import type { OrderRefusal } from './verify.ts';

type Refused = NonNullable<Reported['refused']>[number];

/** The latest kinds of refusal that are kept. */
const kept = 8;
/** An event about one kind of refusal comes at most so often. */
const eventIntervalMs = 60_000;
/** `reported` is not published for each of a flood. */
const changeIntervalMs = 5000;

export type RefusalsOptions = {
  readonly clock: Clock;
  readonly onEvent: (text: string, data: unknown) => void;
  readonly onChange: () => void;
};

export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #eventMs = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  #refused: readonly Refused[] = [];
  #changedMs = Number.NEGATIVE_INFINITY;
  #isShown = true;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** Newest last. */
  get latest(): readonly Refused[] {
    return this.#refused;
  }

  /** Code → how many were refused with it since the start. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Shows what is new, unless it has just done so. */
  tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#isShown || nowMs - this.#changedMs < changeIntervalMs) return;
    this.#changedMs = nowMs;
    this.#isShown = true;
    this.#options.onChange();
  }

  note(topic: string, { code, reason }: OrderRefusal): void {
    const { clock, onEvent } = this.#options;
    const [nowMs, shownTopic] = [clock.monotonicMs(), topic.slice(0, 200)];
    const same = this.#refused.find((other) => other.code === code && other.topic === shownTopic);
    const refused = { ts: clock.wallMs(), topic: shownTopic, code, reason, times: (same?.times ?? 0) + 1 };
    this.#refused = [...this.#refused.filter((other) => other !== same), refused].slice(-kept);
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
    this.#isShown = false;
    this.tick();
    if (nowMs - (this.#eventMs.get(code) ?? Number.NEGATIVE_INFINITY) < eventIntervalMs) return;
    this.#eventMs.set(code, nowMs);
    onEvent(`${code}  ${reason}`, { topic: shownTopic });
  }
}
