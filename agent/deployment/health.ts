/**
 * Whether what was just activated works: it decides, for a while, in time, without a crash, and as float32 does. "Installed"
 * is not "working".
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { Pipeline } from '../../runtime/data/pipeline.ts';
import type { Decision } from '../../runtime/infer/messages.ts';

/** So many decisions at least. */
export const confirmation = { decisions: 3 } as const;

const pollMs = 100;
/** Beyond the time that the windows themselves take: a busy device is slow, not dead. */
const patienceMs = 60_000;
/** The switch itself and a cold cache may make some decisions late. */
const mostLate = 0.25;

export class HealthWatch {
  #decisions = 0;
  #late = 0;
  #crash: ErrorRecord | undefined;

  /** @param periodUs from one window to the next. */
  noteDecisions(decisions: readonly Pick<Decision, 'latencyUs'>[], periodUs: number): void {
    this.#decisions += decisions.length;
    this.#late += decisions.filter(({ latencyUs }) => latencyUs > periodUs).length;
  }

  noteCrash(error: ErrorRecord): void {
    this.#crash = error;
  }

  /** Forgets what was before; called when a confirmation begins. */
  reset(): void {
    this.#decisions = 0;
    this.#late = 0;
    this.#crash = undefined;
  }

  /** @returns undefined when healthy for `confirmMs`, else why not. @throws the signal's reason. */
  async confirm(
    { pipeline, confirmMs }: { readonly pipeline: Pipeline; readonly confirmMs: number },
    clock: Clock,
    onProgress: (fraction: number) => void,
    signal: AbortSignal,
  ): Promise<ErrorRecord | undefined> {
    const { window, rateHz } = pipeline;
    const windowsMs = (1000 * (window.samples + confirmation.decisions * window.stride)) / rateHz;
    const startMs = clock.monotonicMs();
    for (let toldMs = 0; ; ) {
      const elapsedMs = clock.monotonicMs() - startMs;
      if (this.#crash) return this.#crash;
      if (elapsedMs >= confirmMs && this.#decisions >= confirmation.decisions)
        return this.#late > mostLate * this.#decisions ? tooLate(this.#late, this.#decisions) : undefined;
      if (elapsedMs > confirmMs + patienceMs + 2 * windowsMs) return tooQuiet(this.#decisions, elapsedMs);
      if (elapsedMs - toldMs >= 1000) {
        toldMs = elapsedMs;
        onProgress(Math.min(1, elapsedMs / confirmMs));
      }
      await clock.sleep(pollMs, signal);
    }
  }
}

function tooLate(late: number, decisions: number): ErrorRecord {
  return {
    code: 'DEADLINE_PASSED',
    message: `confirming: expected decisions before the next window, got ${late} of ${decisions} later`,
    hint: 'The model is too slow for this sensor on this board: octet bench <model>',
  };
}

function tooQuiet(decisions: number, elapsedMs: number): ErrorRecord {
  return {
    code: 'DEPLOYMENT_FAILED',
    message: `confirming: expected ${confirmation.decisions} decisions, got ${decisions} in ${Math.round(elapsedMs / 1000)} s`,
    hint: 'Check that the source delivers samples: octet run <model> --source …',
  };
}
