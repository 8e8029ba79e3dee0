/** The runner as a process: takes its orders from its parent, builds the parts, runs them, tells what happens, and ends. */
import { endWithParent } from '../base/children.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { errorRecordFrom, OctetError } from '../base/errors.ts';
import { createDecisionGroups } from './decision-groups.ts';
import { inTurns, openInference } from './inference.ts';
import { serveInference } from './inference-server.ts';
import { createInputReports } from './input-reports.ts';
import type { RunnerEvent, RunnerRequest, RunnerStart, ShadowSpec } from './messages.ts';
import { createProblems, type Problems, type Report } from './problems.ts';
import { openRecorder, type Recorded, type Recorder } from './recording/recorder.ts';
import { openReservoir, type Reservoir } from './recording/reservoir.ts';
import { runPipeline } from './runner.ts';
import { ShadowReports } from './shadow-reports.ts';
import { createSink } from './sinks/create-sink.ts';
import { openSource } from './sources/open-source.ts';

const aliveMs = 10_000;

type Emit = (event: RunnerEvent) => void;

/** `internal runner`. Ends the process itself, because native sessions and programs of sinks would keep it. */
export async function main(): Promise<void> {
  endWithParent();
  // Ctrl-C in a terminal reaches the whole process group; it is the parent who stops us, so that nothing is lost.
  process.on('SIGINT', () => {});
  const stopping = new AbortController();
  // A service manager signals every process of the service at once.
  process.on('SIGTERM', () => stopping.abort());
  let delivered = Promise.resolve();
  const emit: Emit = (event) => {
    // A parent that is gone ends this process (`endWithParent`), so a failed delivery needs no answer.
    delivered = new Promise((resolve) => process.send?.(event, () => resolve()));
  };
  const orders = receiveOrders(stopping);
  // A model that hangs blocks the event loop, and with it this.
  setInterval(() => emit({ kind: 'alive' }), aliveMs).unref();
  const start = await orders.start;
  const failure = await run(start, orders, stopping.signal, systemClock, emit).catch(errorRecordFrom);
  if (failure) emit({ kind: 'failed', error: failure });
  await delivered;
  process.exit(failure ? 1 : 0);
}

type Orders = {
  readonly start: Promise<RunnerStart>;
  /** What was ordered before anyone could carry it out. */
  early?: Extract<RunnerRequest, { kind: 'shadow' }>;
  onShadow?: (shadow: ShadowSpec | undefined) => void;
};

/** The first message says what to run; later ones what to compare, or to stop. */
function receiveOrders(stopping: AbortController): Orders {
  if (process.send === undefined) throw new OctetError('USAGE', 'internal runner: expected a parent process, got none');
  const { promise: start, resolve } = Promise.withResolvers<RunnerStart>();
  const orders: Orders = { start };
  process.on('message', (request: RunnerRequest) => {
    if (request.kind === 'start') resolve(request);
    else if (request.kind === 'stop') stopping.abort();
    else if (orders.onShadow) orders.onShadow(request.shadow);
    else orders.early = request;
  });
  return orders;
}

async function run(
  start: RunnerStart,
  orders: Orders,
  signal: AbortSignal,
  clock: Clock,
  emit: Emit,
): Promise<undefined> {
  const { pipeline } = start;
  const problems = createProblems(clock, emit);
  const loadingSinceMs = clock.monotonicMs();
  const inputs = start.profile && createInputReports(start.profile, emit);
  const infer = inTurns(await openInference(start, inputs?.observe));
  const shadows = new ShadowReports({ start, infer, clock, report: problems.reporter(), emit, random: Math.random });
  const onProgram = (pid: number, isRunning: boolean) => emit({ kind: 'program', pid, isRunning });
  const source = await openSource(start.source, { pipeline, clock, signal, problems, onProgram });
  emit({ kind: 'ready', loadMs: clock.monotonicMs() - loadingSinceMs });
  orders.onShadow = (shadow) => shadows.replace(shadow);
  if (orders.early) shadows.replace(orders.early.shadow);
  else shadows.begin(start.shadow);
  const groups = createDecisionGroups(clock, (decisions) => emit({ kind: 'decisions', decisions }));
  const report = problems.reporter();
  const local = start.sinks.map((spec) => createSink(spec, problems.reporter(), clock));
  const recorder = await startRecording(start, clock, problems, emit);
  const reservoir = await startReservoir(start, clock, problems);
  const { serve } = start;
  const server = serve === undefined ? undefined : await serveInference({ path: serve, pipeline, infer, clock });
  try {
    await runPipeline({
      source,
      pipeline,
      infer,
      sinks: [{ write: groups.add }, ...local],
      recorder,
      reservoir,
      shadow: () => shadows.current,
      report,
      clock,
      signal,
    });
  } finally {
    await Promise.all([server?.close(), recorder?.close(), reservoir?.close(), ...local.map((sink) => sink.close())]);
    groups.flush();
    shadows.flush();
    problems.flush();
  }
  if (!signal.aborted) emit({ kind: 'ended' });
}

/** A folder that cannot be recorded to is reported: decisions matter more than calibration. */
async function startRecording(
  { record, pipeline }: RunnerStart,
  clock: Clock,
  problems: Problems,
  emit: Emit,
): Promise<Recorder | undefined> {
  if (record === undefined) return undefined;
  const report = problems.reporter();
  const onRecorded = (recorded: Recorded) => emit({ kind: 'recorded', ...recorded });
  return openRecorder(record, { pipeline, clock, report, onRecorded }).catch(reportedBy(report));
}

async function startReservoir(
  { reserve, pipeline }: RunnerStart,
  clock: Clock,
  problems: Problems,
): Promise<Reservoir | undefined> {
  if (reserve === undefined) return undefined;
  const report = problems.reporter();
  return openReservoir(reserve, { pipeline, clock, report, random: Math.random }).catch(reportedBy(report));
}

function reportedBy(report: Report): (error: unknown) => undefined {
  return (error) => {
    report(error instanceof OctetError ? error : new OctetError('INTERNAL', String(error), { cause: error }));
    return undefined;
  };
}
