/** Whether what was just activated works: it decides, for some seconds, without a crash. "Installed" is not "working". */
import type { Clock } from '../../runtime/base/clock.ts';
import type { ErrorRecord } from '../../runtime/base/errors.ts';
import type { Pipeline } from '../../runtime/data/pipeline.ts';

/** So many decisions, over at least so long, without a crash. */
export const confirmation = { decisions: 3, ms: 5000 } as const;

const pollMs = 100;
/** Beyond the time that the windows themselves take: a busy device is slow, not dead. */
const patienceMs = 60_000;

export class HealthWatch {
  #decisions = 0;
  #crash: ErrorRecord | undefined;

  noteDecisions(count: number): void {
    this.#decisions += count;
  }

  noteCrash(error: ErrorRecord): void {
    this.#crash = error;
  }

  /** Forgets what was before; called when a confirmation begins. */
  reset(): void {
    this.#decisions = 0;
    this.#crash = undefined;
  }

  /** @returns undefined when healthy, else why not. @throws the signal's reason. */
  async confirm(pipeline: Pipeline, clock: Clock, signal: AbortSignal): Promise<ErrorRecord | undefined> {
    const { window, rateHz } = pipeline;
    const windowsMs = (1000 * (window.samples + confirmation.decisions * window.stride)) / rateHz;
    const startMs = clock.monotonicMs();
    for (;;) {
      const elapsedMs = clock.monotonicMs() - startMs;
      if (this.#crash) return this.#crash;
      if (elapsedMs >= confirmation.ms && this.#decisions >= confirmation.decisions) return undefined;
      if (elapsedMs > patienceMs + 2 * windowsMs) return tooQuiet(this.#decisions, elapsedMs);
      await clock.sleep(pollMs, signal);
    }
  }
}

function tooQuiet(decisions: number, elapsedMs: number): ErrorRecord {
  return {
    code: 'DEPLOYMENT_FAILED',
    message: `confirming: expected ${confirmation.decisions} decisions, got ${decisions} in ${Math.round(elapsedMs / 1000)} s`,
    hint: 'Check that the source delivers samples: octet run <model> --source …',
  };
}
