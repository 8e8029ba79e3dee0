/** `octet run`: a sensor, a model and its decisions, without an agent: what a device does, in the foreground. */
import { type Command, Option } from 'commander';
import pico from 'picocolors';
import { verifyModelFolder } from '../models/manifest.ts';
import { type ErrorRecord, errorFromRecord, OctetError } from '../runtime/base/errors.ts';
import type { Decision, RunnerEvent, RunnerStart, SinkSpec } from '../runtime/infer/messages.ts';
import { type RunnerExit, type RunnerHandle, startRunner } from '../runtime/infer/runner-handle.ts';
import { threadsFrom } from './options.ts';
import { createRunTally, type RunTally } from './run-tally.ts';
import { addSink, formatNames, type SourceWords, sourceFrom, speedFrom } from './run-words.ts';

type Options = SourceWords & {
  serve?: string;
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
      "a recording, a folder of recordings, 'command:PROGRAM ARGUMENTS', 'iio:DEVICE:CHANNEL,CHANNEL…', or 'system'",
    )
    .addOption(
      new Option('--format <format>', 'what the program prints: lines of JSON or CSV, raw PCM, raw image frames')
        .choices(formatNames)
        .default('json'),
    )
    .option('--speed <factor>', 'of a replay: 1 is real time, 0 as fast as possible', speedFrom, 1)
    .option(
      '--sink <sink>',
      'file:PATH, socket:PATH, command:PROGRAM (per decision) or pipe:PROGRAM (once), where decisions act; may be repeated',
      addSink,
      [],
    )
    .option('--serve <socket>', 'a Unix socket on which other programs may ask the model')
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
  const { sink, variant, threads, serve } = options;
  const { modelPath, featuresPath, pipeline, task } = model;
  return {
    kind: 'start',
    modelPath: variant ?? modelPath,
    ...(featuresPath === undefined ? {} : { featuresPath }),
    pipeline,
    task,
    source: sourceFrom(options),
    sinks: sink,
    ...(serve === undefined ? {} : { serve }),
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
