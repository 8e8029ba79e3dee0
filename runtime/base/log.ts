/** Structured logs on stderr, so that stdout carries nothing but a command's result. */
import { destination, type Logger, pino } from 'pino';

export type { Logger };

/** @param name the program that speaks: `agent`, `runner`, `builder`, `trial`, `demo`. */
export function createLogger(name: string, level: string): Logger {
  return pino({ name, level, base: { pid: process.pid } }, destination({ dest: 2, sync: true }));
}
