/** Structured logs on stderr, so that stdout carries nothing but a command's result. */
import { destination, type Logger, pino } from 'pino';

export type { Logger };

/**
 * @param name the program that speaks: `agent`, `runner`, `builder`, `trial`, `demo`.
 * @param alsoTo hears each line, too.
 */
export function createLogger(name: string, level: string, alsoTo?: (line: string) => void): Logger {
  const stderr = destination({ dest: 2, sync: true });
  const write = (line: string) => {
    stderr.write(line);
    alsoTo?.(line);
  };
  return pino({ name, level, base: { pid: process.pid } }, alsoTo ? { write } : stderr);
}
