/**
 * A sensor as a program that prints samples. One that ends is started again, ever later; one that never gives a sample is given
 * up. It leads a process group of its own, which ends as a whole: of `sh -c 'a | b'` nothing stays behind. Of a runner that is
 * killed itself it learns by the end of its stdin, to which nothing is ever written, or by printing to nobody.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../base/clock.ts';
import { OctetError } from '../../base/errors.ts';
import { sampleWidth } from '../../data/pipeline.ts';
import type { SourceSpec } from '../messages.ts';
import { createDecoder } from './create-decoder.ts';
import type { SampleDecoder } from './sample-format.ts';
import type { SampleBlock, SourceContext } from './source.ts';

type CommandSpec = Extract<SourceSpec, { kind: 'command' }>;

/** Waits before the next start, by how many starts in a row have not given a single sample. */
const restartDelaysMs = [100, 500, 1000, 2000, 5000] as const;
/** A program that was told to end has so long to do it. */
const patienceMs = 1000;
/** How often it is asked whether it has. */
const askEveryMs = 20;
/** @throws SOURCE_FAILED when the program was started again and again and never gave a sample. */
export async function* readCommand(
  { command, format = { kind: 'json' } }: CommandSpec,
  context: SourceContext,
): AsyncGenerator<SampleBlock> {
  const { clock, signal, problems, pipeline } = context;
  const reportEnd = problems.reporter();
  const reportSample = problems.reporter();
  let fruitless = 0;
  for (;;) {
    if (signal.aborted) return;
    const run: Run = { gaveSamples: false, ending: 'no reason' };
    yield* readOnce(command, context, run, createDecoder(format, pipeline, reportSample));
    if (signal.aborted) return;
    fruitless = run.gaveSamples ? 0 : fruitless + 1;
    const error = sourceError(command, run.ending);
    const delayMs = restartDelaysMs[fruitless];
    if (delayMs === undefined) throw error;
    reportEnd(error);
    // An abort ends the wait; the loop's first line sees it.
    await clock.sleep(delayMs, signal).catch(() => {});
  }
}

type Run = { gaveSamples: boolean; ending: string };

async function* readOnce(
  command: readonly string[],
  { pipeline, clock, signal, onProgram = () => undefined }: SourceContext,
  run: Run,
  decoder: SampleDecoder,
): AsyncGenerator<SampleBlock> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 2], detached: true });
  const ended = endOf(child);
  if (child.pid !== undefined) onProgram(child.pid, true);
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= stopProgram(child, clock));
  // A process that ends at once, because its parent has gone, has no time to ask first.
  const killNow = () => signalGroup(child, 'SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  process.once('exit', killNow);
  const width = sampleWidth(pipeline);
  let firstSample = 0;
  try {
    for await (const rows of samplesOf(child, decoder, signal)) {
      if (rows.length === 0) continue;
      const tUs = Math.round(clock.wallMs() * 1000);
      yield { rows, tUs, discontinuity: firstSample === 0, firstSample, spans: [] };
      firstSample += rows.length / width;
      run.gaveSamples = true;
    }
    run.ending = await ended;
  } finally {
    signal.removeEventListener('abort', stop);
    await stop();
    if (child.pid !== undefined) onProgram(child.pid, false);
    process.removeListener('exit', killNow);
  }
}

async function* samplesOf(
  { stdout }: ChildProcess,
  decoder: SampleDecoder,
  signal: AbortSignal,
): AsyncGenerator<Float32Array> {
  try {
    for await (const chunk of stdout ?? []) yield decoder.push(chunk as Buffer);
    yield decoder.end();
  } catch (cause) {
    // Stopping destroys the pipe, which is an error for its reader.
    if (!signal.aborted) throw new OctetError('SOURCE_FAILED', 'source: expected to read its output', { cause });
  }
}

/** In words, how the program ended. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
  });
}

/** Asked first, then killed: a sensor that is held open could not be read by whoever comes next. */
async function stopProgram(child: ChildProcess, clock: Clock): Promise<void> {
  signalGroup(child, 'SIGTERM');
  child.stdin?.destroy();
  child.stdout?.destroy();
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += askEveryMs) {
    if (!signalGroup(child, 0)) return;
    await clock.sleep(askEveryMs);
  }
  signalGroup(child, 'SIGKILL');
}

/** Signals the program and all that it started. @returns whether any of them was there. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    // All are gone, which is what is wanted.
    return false;
  }
}

function sourceError(command: readonly string[], ending: string): OctetError {
  return new OctetError(
    'SOURCE_FAILED',
    `source ${command.join(' ')}: expected a program that keeps printing, got ${ending}`,
    {
      hint: 'Run it by hand; it must print samples in the format that the configuration names, and flush after each.',
    },
  );
}
