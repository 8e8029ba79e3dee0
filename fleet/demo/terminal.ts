/**
 * The demo in a terminal: finished steps stay as lines, what goes on now is one line that is rewritten. Where nobody
 * looks (a pipe, a log), there is no such line, and decisions are summed up every so often instead.
 */
import pico from 'picocolors';
import { medianOf, type Step } from '../console/figures.ts';
import type { Decision } from '../console/stream.ts';
import { accuracyOf, isRight, type Tally } from '../console/tally.ts';
import { countInWords, microsecondsInWords, nameOf, percentInWords } from '../console/words.ts';
import type { FinishedStep, Progress } from './follow.ts';

/** Where lines go: `process.stdout`, or `process.stderr` beside a JSON document. */
export type Screen = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
};

/** What was decided so far, and the newest of it. */
export type Decided = { readonly tally: Tally; readonly decisions: readonly Decision[] };

/** A summary line after this many decisions, when there is no live line: about every 8 s at the default speed. */
const decisionsPerLine = 50;

const stepWords = {
  pull: 'pull the signed model',
  record: 'record sensor windows',
  calibrate: 'calibrate int8 variants',
  measure: 'measure each variant',
  choose: 'choose',
  activate: 'activate',
} as const satisfies Record<Step, string>;

export class Terminal {
  readonly #screen: Screen;
  #told = 0;
  #toldDecisions = 0;
  #liveText = '';

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** A line that stays. */
  line(text = ''): void {
    this.#clear();
    this.#screen.write(`${text}\n`);
  }

  /** Tells the steps that have finished since the last call, and what goes on now. */
  progress(progress: Progress, nowMs: number): void {
    for (const step of progress.finished.slice(this.#told)) this.line(finishedLine(step));
    this.#told = progress.finished.length;
    const { current, slot } = progress;
    if (!current || !slot) return;
    const share = slot.progress > 0 ? percentInWords(slot.progress, 0) : '';
    this.#live(
      `${pico.cyan('▸')} ${stepWords[current.step].padEnd(24)} ${seconds(nowMs - current.sinceMs)}  ${share.padStart(5)}  ${pico.dim(current.detail)}`,
    );
  }

  /** The latest decision and how it went so far. */
  decisions(decided: Decided): void {
    const latest = decided.decisions.at(-1);
    if (latest && this.#screen.isTTY) this.#live(`${latestWords(latest)}  ${soFar(decided)}`);
    const isDue = decided.tally.decisions - this.#toldDecisions >= decisionsPerLine;
    if (this.#screen.isTTY || !isDue) return;
    this.#toldDecisions = decided.tally.decisions;
    this.line(soFar(decided));
  }

  /** Takes the live line away: whatever is written next starts on an empty line. */
  end(): void {
    this.#clear();
  }

  #live(text: string): void {
    if (!this.#screen.isTTY || text === this.#liveText) return;
    this.#clear();
    // No line break, and no wrapping (escape 7l): a line that wrapped could not be taken back.
    this.#screen.write(`\x1b[?7l${text}\x1b[?7h`);
    this.#liveText = text;
  }

  #clear(): void {
    if (this.#liveText !== '') this.#screen.write('\r\x1b[2K');
    this.#liveText = '';
  }
}

function finishedLine({ step, durationMs, detail }: FinishedStep): string {
  const time = durationMs === undefined ? ''.padStart(7) : seconds(durationMs);
  return `${pico.green('✓')} ${stepWords[step].padEnd(24)} ${time}  ${pico.dim(detail)}`.trimEnd();
}

function latestWords(decision: Decision): string {
  const { label, score, truth } = decision;
  const verdict =
    truth === undefined ? ' ' : isRight(decision) ? pico.green('✓') : pico.red(`✗ (${nameOf(truth).toLowerCase()})`);
  return `${pico.bold(nameOf(label).padEnd(20))} ${percentInWords(score, 0).padStart(5)} ${verdict}`;
}

/** `312 decisions, 96.2 % right, p50 87.1 µs`; before the first: `no decision yet`. */
export function soFar({ decisions, tally }: Decided): string {
  if (tally.decisions === 0) return 'no decision yet';
  const accuracy = accuracyOf(tally);
  const p50Us = medianOf(decisions.map(({ latencyUs }) => latencyUs)) ?? 0;
  const share = accuracy === null ? '' : `, ${percentInWords(accuracy)} right`;
  return `${countInWords(tally.decisions)} decisions${share}, p50 ${microsecondsInWords(p50Us)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(7);
}
