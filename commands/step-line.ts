/** Steps of long work elsewhere, for people on stderr: one line that changes on a terminal, a line per step in a log. */
import pico from 'picocolors';
import type { Clock } from '../runtime/base/clock.ts';

export type StepLine = {
  /** @param step changes rarely; `text` is what is going on in it. */
  show(step: string, text: string): void;
  end(): void;
};

export function stepLine(stream: NodeJS.WriteStream, clock: Clock): StepLine {
  let [step, text, sinceMs] = ['', '', clock.monotonicMs()];
  const seconds = () => `${((clock.monotonicMs() - sinceMs) / 1000).toFixed(1)} s`;
  const leave = () => {
    if (step !== '' && stream.isTTY) stream.write(`\r\u001b[K${pico.green('✓')} ${step} ${pico.dim(seconds())}\n`);
  };
  return {
    show(next, detail) {
      if (next === step && detail === text) return;
      if (next !== step) {
        leave();
        if (!stream.isTTY) stream.write(`${detail}\n`);
        [step, sinceMs] = [next, clock.monotonicMs()];
      }
      text = detail;
      if (stream.isTTY) stream.write(`\r\u001b[K… ${detail}`);
    },
    end() {
      if (stream.isTTY) stream.write('\r\u001b[K');
    },
  };
}
