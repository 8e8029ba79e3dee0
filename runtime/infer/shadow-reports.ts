/** The comparison that is under way: replaced on order, told to the parent at most once a second. */
import type { Clock } from '../base/clock.ts';
import { OctetError } from '../base/errors.ts';
import type { Infer } from './inference.ts';
import type { RunnerEvent, RunnerStart, ShadowSpec } from './messages.ts';
import type { Report } from './problems.ts';
import { openShadow, type Shadow } from './shadow.ts';

const reportMs = 1000;
/** Loading float32 must not hold up the first decisions after a start. */
const startMs = 5000;

export type ShadowReportsOptions = {
  readonly start: RunnerStart;
  readonly infer: Infer;
  readonly clock: Clock;
  readonly report: Report;
  readonly emit: (event: RunnerEvent) => void;
  readonly random: () => number;
};

export class ShadowReports {
  readonly #options: ShadowReportsOptions;
  #current: Shadow | undefined;
  #wanted: ShadowSpec | undefined;
  #toldWindows = 0;
  #toldMs = 0;

  constructor(options: ShadowReportsOptions) {
    this.#options = options;
  }

  /** What the pipeline is to feed. Reporting happens here, because every window passes. */
  get current(): Shadow | undefined {
    if (this.#current && this.#options.clock.monotonicMs() - this.#toldMs >= reportMs) this.flush();
    return this.#current;
  }

  /** A model that cannot be opened is reported: decisions matter more than comparisons. */
  replace(spec: ShadowSpec | undefined): void {
    this.flush();
    this.#wanted = spec;
    this.#current = undefined;
    if (spec !== undefined) this.#open(spec);
  }

  /** What is to be compared from the start on, unless something else is ordered meanwhile. */
  begin(spec: ShadowSpec | undefined): void {
    this.#wanted = spec;
    if (spec !== undefined)
      void this.#options.clock.sleep(startMs).then(() => this.#wanted === spec && this.#open(spec));
  }

  #open(spec: ShadowSpec): void {
    const { start, infer, random, report } = this.#options;
    openShadow(spec, start, infer, random).then(
      (shadow) => {
        if (this.#wanted !== spec) return;
        this.#toldWindows = 0;
        this.#current = shadow;
      },
      (error) =>
        report(error instanceof OctetError ? error : new OctetError('INTERNAL', String(error), { cause: error })),
    );
  }

  flush(): void {
    const tally = this.#current?.tally;
    if (tally === undefined || tally.windows === this.#toldWindows) return;
    this.#toldWindows = tally.windows;
    this.#toldMs = this.#options.clock.monotonicMs();
    this.#options.emit({ kind: 'shadow', ...tally });
  }
}
