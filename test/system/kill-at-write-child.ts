/**
 * One device's life on fakes, from nothing to a deployment, an order, a rollback and a cancelled recalibration, with telemetry
 * all the while; the store and the files are real. Ends itself with SIGKILL at the write it is told, without any chance to tidy.
 * Arguments: data folder, number of the write (0: none).
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { configSchema } from '../../agent/config.ts';
import { Deployment } from '../../agent/deployment/deployment.ts';
import { isSettled } from '../../agent/deployment/state.ts';
import type { SlotOrder } from '../../agent/orders/order.ts';
import { Outbox } from '../../agent/outbox/outbox.ts';
import type { Ports } from '../../agent/ports.ts';
import { openStore } from '../../agent/store/open-store.ts';
import { StreamWriter } from '../../agent/telemetry/stream-writer.ts';
import { Streams } from '../../agent/telemetry/streams.ts';
import { type ModelFolder, parseManifest } from '../../models/manifest.ts';
import { sha256Of } from '../../runtime/base/files.ts';
import { plainSettings } from '../../runtime/measure/session-settings.ts';
import type { SelectionResult, VariantRow } from '../../runtime/select/selection.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type FakeRunner, FakeRunners } from '../support/fake-runner.ts';

const [folder = '', killAt = '0'] = process.argv.slice(2);
const journal = join(folder, 'journal.txt');
let writes = 0;
const store = openStore(folder, {
  onWrite: () => {
    writes += 1;
    if (writes === Number(killAt)) process.kill(process.pid, 'SIGKILL');
  },
});

const clock = new FakeClock();
const log = pino({ level: 'silent' });
const replay = { kind: 'replay', recordings: ['r'] };
const config = configSchema.parse({
  ...{ device: 'dev', dataFolder: folder, broker: { url: 'mqtt://localhost' } },
  repository: { url: 'http://localhost/', rootFile: 'root.json' },
  slots: [
    {
      ...{ slot: 'main', target: 'm@1.0.0', source: replay, confirmMs: 1000, shadow: { windows: 16 } },
      calibration: { windows: 16, source: { ...replay, loop: false } },
    },
  ],
});
const writer = new StreamWriter('dev');
const streams = new Streams({ store, writer, random: Math.random, clock });
const limits = { maxBytes: 2 ** 26, maxAgeMs: 2 ** 40 };
const outbox = new Outbox({ store, clock, limits, log, topicOf: (stream) => `t/${stream}`, random: Math.random });
outbox.rewind();

const runners = new FakeRunners();
runners.onStart = (runner) => void live(runner);

/** What a healthy runner does: it loads, records when asked to, compares, decides. */
async function live(runner: FakeRunner): Promise<void> {
  await runner.ready();
  for (let windows = 8; !runner.isOver; windows += 8) {
    if (runner.start.record) await runner.emit({ kind: 'recorded', windows, bytes: 1, full: false });
    const { shadowed } = runner;
    if (shadowed) await runner.emit({ kind: 'shadow', id: shadowed.id, windows, disagreements: 0 });
    await runner.decide(2);
    await clock.sleep(100);
  }
}

const versionOf = (target: string) => target.split('@')[1] ?? '1.0.0';
const float32 = (version: string) => `float32 of ${version}`;
const int8 = (version: string) => `int8 of ${version}`;

function put(path: string, text: string): void {
  if (!existsSync(path)) writeFileSync(path, text);
}

function modelFolder(version: string): { path: string; model: ModelFolder } {
  const path = join(folder, 'models', version);
  mkdirSync(path, { recursive: true });
  put(join(path, 'model.onnx'), float32(version));
  const file = { file: 'model.onnx', sha256: sha256Of(float32(version)), sizeBytes: float32(version).length };
  const manifest = parseManifest(
    JSON.stringify({
      ...{ format: 1, name: 'm', version, description: 'd', license: 'MIT', model: file, task: { kind: 'regress' } },
      ...{ input: { name: 'x', dims: [1, 1] }, provenance: { data: 'none' } },
      pipeline: { channels: [{ name: 'x', unit: '' }], rateHz: 50, window: { samples: 50, stride: 25 } },
    }),
    'test',
  );
  const { pipeline, task, budget } = manifest;
  return { path, model: { manifest, modelPath: join(path, 'model.onnx'), pipeline, task, budget, name: 'm', version } };
}

const row = (variant: string, text: string, chosen: boolean): VariantRow => ({
  ...{ variant, sha256: sha256Of(text), sizeBytes: text.length, p50Us: 1, p90Us: 2, p99Us: 3, speedup: 1 },
  ...{ throughputPerSecond: 1, loadMs: 1, peakMemoryBytes: 1, memoryIncrementBytes: 1, accuracy: null, agreement: 1 },
  ...{ heldOutWindows: 10, chosen, reason: 'measured', p95Us: 2, fate: chosen ? 'chosen' : 'beaten' },
  settings: plainSettings(1),
});

async function select(modelPath: string, work: string, onMeasuring: () => void): Promise<SelectionResult> {
  const version = modelPath.split('/').at(-2) ?? '';
  const variants = join(work, 'variants');
  mkdirSync(variants, { recursive: true });
  const chosenPath = join(variants, `${sha256Of(int8(version))}.onnx`);
  put(chosenPath, int8(version));
  onMeasuring();
  const rows = [row('float32', float32(version), false), row('int8', int8(version), true)];
  const chosen = rows[1] as VariantRow;
  return { outcome: 'met', rows, chosen, chosenPath, verdict: 'fast', evidencePath: '', durationMs: 1 };
}

const versionIn = (path: string) => path.split('/').at(-1) ?? '';
const ports: Omit<Ports, 'runBench' | 'logTail' | 'isSupervised'> = {
  ...{ clock, random: () => 0.5, log, version: '0', bootId: () => 'b', startRunner: runners.startRunner },
  runSelection: ({ modelPath, workFolder }, { onProgress }) =>
    select(modelPath, workFolder, () => onProgress({ phase: 'measuring', fraction: 0.5, detail: 'trial' })),
  pullModel: async ({ target }) => {
    const version = versionOf(target);
    const { path } = modelFolder(version);
    return { folder: path, digest: `d${version}`, name: 'm', version, origin: 'present', validUntil: null };
  },
  verifyModel: async (path) => modelFolder(versionIn(path)).model,
  readModel: async (path) => modelFolder(versionIn(path)).model,
  profileInputs: () => Promise.reject(new Error('not measured here')),
  probe: () => Promise.reject(new Error('not asked')),
  readSystem: () => ({
    temperatureC: null,
    cpuLoad: null,
    memoryAvailableBytes: null,
    throttled: null,
    pssBytes: () => null,
  }),
  systemd: { watchdogMs: undefined, notify: async () => undefined },
  clockTrust: () => ({ isTrusted: true, reason: 'fake' }),
};

const settledJobs = new Map<string, string>();
const deployment = new Deployment({
  ...{ config, slot: config.slots[0]!, ports: ports as Ports, store },
  announce: ({ type, text }) => outbox.enqueue({ class: 'event', topic: `ev/${type}`, payload: JSON.stringify(text) }),
  publishTrials: () => undefined,
  openDecisions: () => streams.openDecisions('decisions'),
  onChange: () => undefined,
  onOrder: ({ jobId, state }) => settledJobs.set(jobId, state),
  onDecisions: () => undefined,
  onCrash: () => undefined,
  onBroken: (error) => {
    throw error;
  },
});

/** One second of the device's life: commit, send, be acknowledged now and then. */
async function second(): Promise<void> {
  await clock.advance(1000);
  const { batches, gaps } = writer.take(clock.wallMs());
  outbox.commit(batches, gaps);
  for (const { range } of batches)
    if (range) appendFileSync(journal, `stored ${range.stream} ${range.epoch} ${range.first} ${range.last}\n`);
  for (let message = outbox.next(); message; message = outbox.next()) {
    for (const { range } of message.rows)
      if (range) appendFileSync(journal, `sent ${range.stream} ${range.epoch} ${range.first} ${range.last}\n`);
    outbox.acknowledge(message);
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let seconds = 0; !isSo(); seconds += 1) {
    if (seconds > 400) throw new Error(`expected ${what}, got ${JSON.stringify(deployment.state)}`);
    await second();
  }
}

const ended = (jobId: string) => () =>
  ['succeeded', 'cancelled', 'rolled_back', 'failed', 'timed_out', 'rejected'].includes(settledJobs.get(jobId) ?? '');

async function order(order: SlotOrder): Promise<void> {
  // Given again after every start, as the device's jobs do it, unless the journal says that it was seen to end.
  const done = existsSync(journal) ? readFileSync(journal, 'utf8') : '';
  if (done.includes(`ended ${order.jobId} `)) return;
  deployment.give(order);
  if (order.jobId === 'cancelled') deployment.cancel('cancelled');
  await until(`the end of ${order.jobId}`, ended(order.jobId));
  appendFileSync(journal, `ended ${order.jobId} ${settledJobs.get(order.jobId)}\n`);
}

deployment.start();
await until('the first deployment', () => deployment.state.active !== null && isSettled(deployment.state));
await order({ kind: 'deploy', slot: 'main', target: 'm@2.0.0', digest: 'd2.0.0', jobId: 'newer' });
await order({ kind: 'recalibrate', slot: 'main', jobId: 'cancelled' });
await order({ kind: 'rollback', slot: 'main', jobId: 'back' });
await deployment[Symbol.asyncDispose]();
console.log(
  JSON.stringify({ writes, active: deployment.state.active?.variant, version: deployment.state.active?.model.version }),
);
process.exit(0);
