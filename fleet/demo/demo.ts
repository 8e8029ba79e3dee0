/**
 * `octet demo`: starts everything on this machine, tells how the deployment goes, and shows what comes of it. What it tells
 * about the device it learned over MQTT, like any other listener.
 */
import pico from 'picocolors';
import type { TrialRow } from '../../agent/protocol/messages.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import type { Slot } from '../console/figures.ts';
import { sinceActive } from './follow.ts';
import { type DemoReport, reportOf } from './report.ts';
import { type DemoOptions, type RunningDemo, startDemo } from './start.ts';
import { type Screen, soFar, Terminal } from './terminal.ts';
import type { DeviceWatch, View } from './watch.ts';

export type DemoSurroundings = {
  readonly clock: Clock;
  /** Stops the demo when aborted. */
  readonly signal: AbortSignal;
  readonly screen: Screen;
  /** The table of trials as text, with the verdict. */
  readonly renderTable: (rows: readonly TrialRow[], verdict: string) => string;
};

/** So many decisions show that the chosen variant runs: six seconds at the default speed. */
const decisionsOfOnce = 40;

/** `--once` gives up after this: ten times what it may take. */
const onceDeadlineMs = 600_000;

/** How often the elapsed time on the live line moves. */
const redrawMs = 250;

/**
 * Runs the demo: with `once` until the chosen variant has decided a while, otherwise until the signal is aborted.
 * @throws PORT_IN_USE, BROKER_UNREACHABLE, DEPLOYMENT_FAILED, CHILD_FAILED; CHILD_TIMEOUT and CANCELLED when `once` did not
 * get to its end.
 */
export async function runDemo(options: DemoOptions, surroundings: DemoSurroundings): Promise<DemoReport> {
  const { clock, screen } = surroundings;
  const startMs = clock.monotonicMs();
  const terminal = new Terminal(screen);
  await using parts = new AsyncDisposableStack();
  parts.defer(() => terminal.end());
  introduce(terminal, options);
  const demo = await startDemo(options, clock, parts);
  terminal.line(pico.dim(`The page: ${demo.pageUrl}   MQTT: ${demo.broker.description} (${demo.broker.url})\n`));
  keepDrawing(terminal, demo.watch, clock, parts);
  const stop = options.once
    ? AbortSignal.any([surroundings.signal, AbortSignal.timeout(onceDeadlineMs)])
    : surroundings.signal;
  await Promise.race([present(demo, options, surroundings, terminal), demo.agent.died, aborted(stop)]);
  if (stop.aborted && options.once) throw endedEarly(surroundings.signal, demo.watch.view);
  const { progress, device } = demo.watch.view;
  terminal.line(`${soFar(sinceActive(progress, device))}.`);
  return reportOf(progress, device, clock.monotonicMs() - startMs);
}

/** Resolves when `once` has seen enough; never without it. */
async function present(
  { watch, pageUrl }: RunningDemo,
  { once }: DemoOptions,
  { renderTable }: DemoSurroundings,
  terminal: Terminal,
) {
  const { trials, active } = await watch.when(deployedSlot);
  terminal.line(`\n${renderTable(trials, active?.verdict ?? '')}\n`);
  terminal.line(`Live decisions of ${pico.bold(active?.variant ?? 'the model')}, against the recording's labels.`);
  if (!once) terminal.line(`See them at ${pico.underline(pageUrl)}. Ctrl-C ends everything.`);
  await watch.when(
    ({ progress, device }) => (once && sinceActive(progress, device).tally.decisions >= decisionsOfOnce) || undefined,
  );
}

function deployedSlot({ progress: { outcome, slot } }: View): Slot | undefined {
  if (outcome === 'succeeded') return slot;
  if (outcome !== 'failed') return undefined;
  const { code, message, hint } = slot?.error ?? { code: slot?.state, message: slot?.detail };
  throw new OctetError('DEPLOYMENT_FAILED', `expected the model to become active, got ${code}: ${message}`, {
    hint: hint ?? 'To begin again from nothing: octet demo --fresh',
  });
}

function introduce(terminal: Terminal, { model, speed }: DemoOptions): void {
  terminal.line(
    `${pico.bold('Octet demo')}: puts a float32 model (${model}) onto this machine and keeps it right, as on any device.`,
  );
  terminal.line(
    `The sensor is ${pico.bold('simulated')}: a smartwatch's recordings of people the model was not trained on,`,
  );
  terminal.line(
    `replayed ${speed} times as fast as they happened. Everything else is real, on this machine: the model comes`,
  );
  terminal.line('from a signed repository, by an order that the demo signs as its operator.');
}

function keepDrawing(terminal: Terminal, watch: DeviceWatch, clock: Clock, parts: AsyncDisposableStack): void {
  const draw = ({ progress, device }: View) => {
    terminal.progress(progress, clock.monotonicMs());
    if (progress.outcome === 'succeeded') terminal.decisions(sinceActive(progress, device));
  };
  watch.onChange(draw);
  const timer = setInterval(() => draw(watch.view), redrawMs);
  parts.defer(() => clearInterval(timer));
}

function endedEarly(stopped: AbortSignal, { progress }: View): OctetError {
  const state = progress.slot ? `${progress.slot.state} (${progress.slot.detail})` : 'no word from the agent';
  if (stopped.aborted)
    return new OctetError('CANCELLED', `expected to run to the end, got the order to stop at: ${state}`, {
      hint: 'Start it again: what was pulled and recorded is kept.',
    });
  return new OctetError(
    'CHILD_TIMEOUT',
    `expected an active model within ${onceDeadlineMs / 60_000} minutes, got: ${state}`,
    {
      hint: 'Look at what it is waiting for: octet demo (without --once)',
    },
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
