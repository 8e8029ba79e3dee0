/** How each type of job is carried out: one row per type. Slots are left to their deployments. */
import type { ModelFolder } from '../../models/manifest.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import type { BenchReport } from '../../runtime/measure/bench-report.ts';
import type { Runnable } from '../deployment/state.ts';
import { type KeyRing, rotateKeys } from '../orders/key-ring.ts';
import type { JobArgs } from '../protocol/orders.ts';
import type { Store } from '../store/open-store.ts';
import type { JobChange } from './job.ts';
import type { Jobs } from './jobs.ts';
import type { LogTail } from './log-tail.ts';
import type { JobContext, Performers } from './performer.ts';
import type { SlotOrders } from './slot-orders.ts';

/** What runs in a slot, as far as measuring it needs to know. */
export type ActiveSlot = {
  readonly slot: string;
  readonly threads: number;
  readonly active: Runnable | null;
  /** Windows to measure on; null where none were recorded. */
  readonly recording: string | null;
};

export type BenchWork = {
  readonly modelPath: string;
  readonly model: Pick<ModelFolder, 'featuresPath' | 'pipeline' | 'task'>;
  readonly recording: string | null;
  readonly threads: number;
  readonly durationMs: number;
};

export type JobSurroundings = {
  readonly clock: Clock;
  readonly store: Store;
  readonly slots: SlotOrders;
  readonly keys: KeyRing;
  readonly logTail: LogTail;
  readonly jobs: () => Jobs;
  /** The named slot, or the first. */
  readonly activeSlot: (slot?: string) => ActiveSlot;
  readonly readModel: (folder: string) => Promise<ModelFolder>;
  readonly runBench: (
    work: BenchWork,
    options: { onProgress: (fraction: number) => void; signal: AbortSignal },
  ) => Promise<BenchReport>;
  readonly publishBench: (runnable: Runnable, report: BenchReport) => void;
  readonly publishLog: (job: string, lines: readonly string[]) => void;
  /** The operators have changed: `reported` shows it. */
  readonly onKeys: () => void;
  /** @throws ORDER_REJECTED when nothing would start the agent again. */
  readonly restartAgent: () => void;
  readonly restartRunner: (slot: string) => Promise<void>;
};

const done: JobChange = { state: 'succeeded' };
/** Loading a model and warming it up take time beside the measurement itself. */
const benchPatienceMs = 120_000;

export function createPerformers(surroundings: JobSurroundings): Performers {
  const { slots, keys, store, logTail, publishLog, jobs, onKeys, restartAgent, restartRunner, activeSlot } =
    surroundings;
  const oneAtATime = queue();
  return {
    deploy: (args, context) => slots.perform({ kind: 'deploy', jobId: context.job.id, ...args }, context),
    recalibrate: (args, context) => slots.perform({ kind: 'recalibrate', jobId: context.job.id, ...args }, context),
    rollback: (args, context) => slots.perform({ kind: 'rollback', jobId: context.job.id, ...args }, context),

    // Two measurements at once would measure each other.
    benchmark: (args, context) => oneAtATime(() => accepted(benchmark.bind(undefined, surroundings))(args, context)),

    'collect-logs': accepted(async ({ lines }, { job }) => {
      const found = logTail.last(lines);
      publishLog(job.id, found);
      return { ...done, result: { lines: found.length } };
    }),

    restart: accepted(async ({ what, slot }, { isResumed, enter }) => {
      if (what === 'runner') await restartRunner(activeSlot(slot).slot);
      else if (!isResumed) {
        // Stored first: the start after this one says that it has succeeded.
        enter('activating', 'the agent starts again');
        restartAgent();
        return { state: 'activating' };
      }
      return done;
    }),

    'rotate-keys': accepted(async (args, { job }) => {
      const rotation = rotateKeys(keys.keys, args);
      if (!rotation.ok) throw new OctetError('ORDER_REJECTED', `job ${job.id}: ${rotation.reason}`);
      store.stateTransaction(() => keys.replace(rotation.keys));
      onKeys();
      return { ...done, result: { keys: rotation.keys.map(({ kid, operator }) => ({ kid, operator })) } };
    }),

    cancel: accepted(async ({ job: target, slot }, { job }) => {
      if (slot !== undefined) slots.taker(slot).cancel();
      if (target === undefined || jobs().cancel(target)) return done;
      if (!jobs().has(target)) {
        jobs().cancelAhead(target, job);
        return { ...done, detail: `job ${target} has not arrived yet and will not begin` };
      }
      throw new OctetError('ORDER_REJECTED', `job ${target}: expected one that is under way, got one that has ended`);
    }),
  };
}

async function benchmark(
  { clock, activeSlot, readModel, runBench, publishBench }: JobSurroundings,
  { slot, durationMs, variant, deadlineMs = durationMs + benchPatienceMs }: JobArgs<'benchmark'>,
  { cancelled, stopped, enter, progress }: JobContext,
): Promise<JobChange> {
  const { active, recording, threads } = activeSlot(slot);
  if (active === null) throw new OctetError('ORDER_REJECTED', 'slot: expected an active model to measure, got none');
  enter('measuring', `measuring ${active.model.name}`);
  const model = await readModel(active.model.folder);
  const isActive = variant === 'active' || active.variant === 'float32';
  const runnable = isActive
    ? active
    : { ...active, variant: 'float32', path: model.modelPath, sha256: model.manifest.model.sha256 };
  const inTime = new AbortController();
  const timer = new AbortController();
  const late = () =>
    inTime.abort(new OctetError('DEVICE_TIMEOUT', `benchmark: expected its end within ${deadlineMs} ms`));
  clock.sleep(deadlineMs, timer.signal).then(late, () => undefined); // it ended first
  try {
    const report = await runBench(
      { modelPath: runnable.path, model, recording, threads, durationMs },
      {
        signal: AbortSignal.any([cancelled, stopped, inTime.signal]),
        onProgress: (fraction) => progress(fraction, `measuring ${active.model.name}`),
      },
    );
    publishBench(runnable, report);
    const { latency, throughputPerSecond, isReliable } = report;
    return { ...done, result: { variant: runnable.variant, latency, throughputPerSecond, isReliable } };
  } finally {
    timer.abort();
  }
}

/** What the agent does itself: accepted when it begins. A slot's deployment says so of its own orders. */
function accepted<A>(perform: (args: A, context: JobContext) => Promise<JobChange>) {
  return (args: A, context: JobContext): Promise<JobChange> => {
    if (!context.isResumed) context.enter('accepted');
    return perform(args, context);
  };
}

/** Work one after the other, in the order of asking. */
function queue() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => undefined); // whoever asked hears of it
    return result;
  };
}
