/**
 * A line of a GPIO chip that is active for a while when a decision says so: a relay, a lamp, a horn. Set by `gpioset` of libgpiod, the
 * kernel's own tool, because the character device needs ioctl, which Node does not have.
 */
import { spawn, spawnSync } from 'node:child_process';
import { OctetError } from '../../base/errors.ts';
import type { SinkSpec } from '../messages.ts';
import type { Report } from '../problems.ts';
import type { Sink } from './sink.ts';

type GpioSpec = Extract<SinkSpec, { kind: 'gpio' }>;

const defaultHoldMs = 500;

/** @param tool `gpioset`, or what stands in for it. */
export function createGpioSink(spec: GpioSpec, report: Report, tool = 'gpioset'): Sink {
  const { labels, holdMs = defaultHoldMs } = spec;
  let words: readonly string[] | undefined;
  let running: Promise<void> | undefined;
  const start = () => {
    words ??= wordsFor(majorVersion(tool), spec, holdMs);
    return runTool(tool, words, (got) => report(gpioError(spec, got)));
  };
  return {
    write({ label }) {
      // While the line is held, a further decision asks for what is the case already.
      if (!labels.includes(label) || running) return;
      running = start().finally(() => {
        running = undefined;
      });
    },
    close: async () => running,
  };
}

/** libgpiod 1 takes a mode and a time, libgpiod 2 a toggle: on, and after the time off and done. */
function wordsFor(version: 1 | 2, { chip, line }: GpioSpec, holdMs: number): string[] {
  return version === 1
    ? ['--mode=time', `--usec=${holdMs * 1000}`, chip, `${line}=1`]
    : ['--toggle', `${holdMs}ms,0`, '--chip', chip, `${line}=1`];
}

function majorVersion(tool: string): 1 | 2 {
  const { stdout } = spawnSync(tool, ['--version'], { encoding: 'utf8', timeout: 2000 });
  return /\bv?1\.\d/.test(stdout?.split('\n')[0] ?? '') ? 1 : 2;
}

function runTool(tool: string, words: readonly string[], fail: (got: string) => void): Promise<void> {
  const child = spawn(tool, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(0, 200);
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      fail(error.message);
      resolve();
    });
    child.once('close', (code) => {
      if (code !== 0 && code !== null) fail(complaint.trim() || `exit code ${code}`);
      resolve();
    });
  });
}

function gpioError({ chip, line }: GpioSpec, got: string): OctetError {
  return new OctetError('SINK_FAILED', `sink gpio ${chip} line ${line}: expected gpioset to set it, got ${got}`, {
    hint: 'Install libgpiod (apt install gpiod), put the service into the group gpio, and try: gpioinfo',
  });
}
