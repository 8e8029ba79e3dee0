/** A program started for each decision, which it gets as JSON on its stdin. Few at a time, and none for ever. */
import { spawn } from 'node:child_process';
import { OctetError } from '../../base/errors.ts';
import type { Decision, SinkSpec } from '../messages.ts';
import type { Report } from '../problems.ts';
import type { Sink } from './sink.ts';

/** Programs at a time: a small board must keep its cores for inference. */
const maxRunning = 4;
/** After this a program is killed. */
const timeoutMs = 5000;

export function createCommandSink({ command, labels }: Extract<SinkSpec, { kind: 'command' }>, report: Report): Sink {
  const running = new Set<Promise<void>>();
  const fail = (got: string) => report(commandError(command, got));
  return {
    write(decision) {
      if (labels && !labels.includes(decision.label)) return;
      if (running.size >= maxRunning) return fail(`${maxRunning} still running; the decision was left out`);
      const run = start(command, decision, fail).finally(() => running.delete(run));
      running.add(run);
    },
    async close() {
      await Promise.all(running);
    },
  };
}

function start(
  [file = '', ...args]: readonly string[],
  decision: Decision,
  fail: (got: string) => void,
): Promise<void> {
  const child = spawn(file, args, { stdio: ['pipe', 'ignore', 2], timeout: timeoutMs, killSignal: 'SIGKILL' });
  // A program that does not read its stdin is free not to.
  child.stdin?.on('error', () => {});
  child.stdin?.end(`${JSON.stringify(decision)}\n`);
  return new Promise((resolve) => {
    child.once('error', (error) => {
      fail(error.message);
      resolve();
    });
    child.once('exit', (code, signal) => {
      if (code !== 0) fail(signal === null ? `exit code ${code}` : signal);
      resolve();
    });
  });
}

function commandError(command: readonly string[], got: string): OctetError {
  return new OctetError('SINK_FAILED', `sink ${command.join(' ')}: expected exit code 0, got ${got}`, {
    hint: 'Run it by hand with one decision as JSON on its stdin.',
  });
}
