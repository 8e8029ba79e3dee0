/** Ctrl-C while a command works: the work is told, and takes back what it began, instead of the process ending in its midst. */
import { OctetError } from '../runtime/base/errors.ts';

export type Interrupt = Disposable & {
  /** Aborted with CANCELLED. */
  readonly signal: AbortSignal;
};

/** Once disposed of, Ctrl-C ends the process as usual. @param message what an interrupt left behind. */
export function watchInterrupt(message: string): Interrupt {
  const controller = new AbortController();
  const onInterrupt = () => controller.abort(new OctetError('CANCELLED', message));
  process.once('SIGINT', onInterrupt);
  return { signal: controller.signal, [Symbol.dispose]: () => void process.removeListener('SIGINT', onInterrupt) };
}
