/** `octet run`: a sensor, a model and its decisions, without an agent: what a device does, in the foreground. */
import { type Command, InvalidArgumentError } from 'commander';
import pico from 'picocolors';
import { verifyModelFolder } from '../models/manifest.ts';
import { type ErrorRecord, errorFromRecord, OctetError } from '../runtime/base/errors.ts';
import type { Decision, RunnerEvent, RunnerStart, SinkSpec } from '../runtime/infer/messages.ts';
import { type RunnerExit, type RunnerHandle, startRunner } from '../runtime/infer/runner-handle.ts';
import { createRunTally, type RunTally } from './run-tally.ts';

type Options = {
  source: string;
  speed: number;
  sink: SinkSpec[];
  variant?: string;
  threads: number;
  json?: boolean;
};

export function define(command: Command): void {
  command
    .argument('<model>', 'a model folder (with manifest.json)')
    .requiredOption(
      '--source <source>',
      "a recording, a folder of recordings, or 'command:PROGRAM ARGUMENTS', which prints one JSON array of channel values per line",
    )
    .option('--speed <factor>', 'of a replay: 1 is real time, 0 as fast as possible', speedFrom, 1)
    .option(
      '--sink <sink>',
      'file:PATH, socket:PATH or command:PROGRAM, where decisions act; may be repeated',
      addSink,
      [],
    )
    .option('--variant <file>', "run this variant instead of the folder's model")
    .option('--threads <n>', 'threads that share one inference', threadsFrom, 1)
    .option('--json', 'one JSON document on stdout when the source ends or Ctrl-C is pressed')
    .action(run);
}

async function run(folder: string, options: Options): Promise<void> {
  const model = await verifyModelFolder(folder);
  const tally = createRunTally();
  const handle = startRunner(startFrom(model, options), { onEvent: listener(tally, options.json === true) });
  const exit = await untilDone(handle);
  const summary = { model: model.name, version: model.version, ...tally.summary() };
  if (options.json) console.log(JSON.stringify(summary, null, 2));
  else console.log(tally.summaryLine());
  checkExit(exit);
}

function startFrom(model: Awaited<ReturnType<typeof verifyModelFolder>>, options: Options): RunnerStart {
  const { source, speed, sink, variant, threads } = options;
  const { modelPath, featuresPath, pipeline, task } = model;
  return {
    kind: 'start',
    modelPath: variant ?? modelPath,
    ...(featuresPath === undefined ? {} : { featuresPath }),
    pipeline,
    task,
    source: source.startsWith('command:')
      ? { kind: 'command', command: shellWords(source) }
      : { kind: 'replay', recordings: [source], speed, loop: false },
    sinks: sink,
    threads,
  };
}

/** Ctrl-C and a service manager's stop end the run in good order: what was decided is still summed up. */
async function untilDone(handle: RunnerHandle): Promise<RunnerExit> {
  const stop = () => void handle.stop();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stop);
  const exit = await handle.exited;
  for (const signal of signals) process.off(signal, stop);
  return exit;
}

function checkExit({ code, signal, error }: RunnerExit): void {
  if (error) throw errorFromRecord(error);
  if (code === 0) return;
  throw new OctetError('CHILD_FAILED', `runner: expected it to end by itself, got ${signal ?? `exit code ${code}`}`, {
    hint: 'It says why above. If it was killed, memory may have run out: dmesg | tail',
  });
}

/** A line per decision on stdout; in JSON mode only the summary goes there. */
function listener(tally: RunTally, isJson: boolean): (event: RunnerEvent) => void {
  return (event) => {
    if (event.kind === 'problem') console.error(problemLine(event.error, event.count));
    if (event.kind === 'problem') tally.addProblem(event.error, event.count);
    if (event.kind !== 'decisions') return;
    for (const decision of event.decisions) {
      tally.addDecision(decision);
      if (!isJson) console.log(decisionLine(decision, tally));
    }
  };
}

function decisionLine({ tUs, label, score, latencyUs, truth }: Decision, tally: RunTally): string {
  const time = new Date(tUs / 1000).toISOString().slice(11, 23);
  const figures = `${score.toFixed(3)}  ${(latencyUs / 1000).toFixed(2).padStart(7)} ms`;
  const line = `${pico.dim(time)}  ${label.padEnd(28)} ${figures}`;
  if (truth === undefined) return line;
  const verdict = truth === label ? pico.green('right') : pico.red(`wrong, was ${truth}`);
  return `${line}  ${tally.accuracyText()}  ${verdict}`;
}

function problemLine({ code, message, hint }: ErrorRecord, count: number): string {
  const times = count > 1 ? ` (${count} times)` : '';
  return `${pico.yellow(code)}  ${message}${times}${hint === undefined ? '' : `\n${pico.dim('→')} ${hint}`}`;
}

function addSink(text: string, sinks: SinkSpec[]): SinkSpec[] {
  const [kind, ...rest] = text.split(':');
  const target = rest.join(':');
  if (target !== '' && kind === 'command') return [...sinks, { kind, command: shellWords(text) }];
  if (target !== '' && (kind === 'file' || kind === 'socket')) return [...sinks, { kind, path: target }];
  throw new InvalidArgumentError(`expected file:PATH, socket:PATH or command:PROGRAM, got ${text}`);
}

/** `command:a b | c` by the shell, because that is how it was typed. */
function shellWords(text: string): string[] {
  return ['/bin/sh', '-c', text.slice('command:'.length)];
}

function speedFrom(text: string): number {
  const speed = Number(text);
  if (Number.isFinite(speed) && speed >= 0 && text.trim() !== '') return speed;
  throw new InvalidArgumentError(`expected a number from 0 up, got ${text}`);
}

function threadsFrom(text: string): number {
  const threads = Number(text);
  if (Number.isInteger(threads) && threads >= 1 && threads <= 64) return threads;
  throw new InvalidArgumentError(`expected a whole number from 1 to 64, got ${text}`);
}
