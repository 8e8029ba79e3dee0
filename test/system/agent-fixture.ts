/** A whole agent as a process: the bundled watch model from a signed repository, its recordings replayed, a broker of the test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import mqtt from 'mqtt';
import { float32Of, settingsFingerprint } from '../../agent/deployment/selection.ts';
import { loadConfig } from '../../agent/load-config.ts';
import { type Reported, reportedSchema, type Telemetry, telemetrySchema } from '../../agent/protocol/messages.ts';
import { topics } from '../../agent/protocol/topics.ts';
import { openStore } from '../../agent/store/open-store.ts';
import { prepareRepository } from '../../fleet/demo/repository.ts';
import { bundledFolder } from '../../models/bundled.ts';
import { manifestFile, readManifest } from '../../models/manifest.ts';
import { programPath } from '../../runtime/base/children.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { sha256OfFile } from '../../runtime/base/files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

export const device = 'dev-1';
const target = 'watch-exercise';

export type Installation = {
  readonly configPath: string;
  readonly dataFolder: string;
  /** Starts an agent; it is killed when the test ends. */
  start(): Agent;
  /** Pretends that float32 was selected before, so that a test of something else need not select. */
  knowFloat32(): Promise<void>;
};

export type Agent = {
  readonly process: ChildProcess;
  readonly pid: number;
  /** What it wrote to stderr so far. */
  log(): string;
  exitCode(): Promise<number | null>;
};

export type InstallOptions = {
  readonly brokerUrl: string;
  /** Overrides of the configuration. */
  readonly config?: Record<string, unknown>;
  readonly dataFolder?: string;
  /** How many times faster than real time the watch is replayed: 20 gives about 16 decisions a second. */
  readonly speed?: number;
  /** Whose recordings are replayed; p01 and p02 when absent. */
  readonly people?: readonly string[];
  /** The slot names no target: it waits for an order. */
  readonly isOrdered?: boolean;
  /** Calibration windows to record; 200 when absent. */
  readonly windows?: number;
};

/** A repository, a configuration, an empty data folder. */
export async function install(t: Pick<TestContext, 'after'>, options: InstallOptions): Promise<Installation> {
  // Hooks run in their order: agents end before their folder goes.
  const agents: Agent[] = [];
  t.after(() => Promise.all(agents.map(end)));
  const folder = await temporaryFolder(t);
  const { rootFile, folder: repository } = await prepareRepository(join(folder, 'repository'), target, systemClock);
  const dataFolder = options.dataFolder ?? join(folder, 'data');
  const recordings = await recordingsOf(options.people ?? ['p01', 'p02']);
  const configPath = join(folder, 'agent.json');
  const config = {
    ...{ device, dataFolder, broker: { url: options.brokerUrl } },
    repository: { url: `${pathToFileURL(repository).href}/`, rootFile },
    slots: [
      {
        // A test has less patience than a device.
        ...{ confirmMs: 5000, shadow: { windows: 16, share: 0.01 } },
        ...{ slot: 'main', ...(options.isOrdered ? {} : { target }) },
        sinks: [{ kind: 'file', path: join(dataFolder, 'decisions.jsonl') }],
        source: { kind: 'replay', recordings, speed: options.speed ?? 20, loop: true },
        calibration: { windows: options.windows ?? 200, source: { kind: 'replay', recordings, speed: 0, loop: false } },
      },
    ],
    telemetry: { systemIntervalMs: 500 },
    ...options.config,
  };
  await writeFile(configPath, JSON.stringify(config));
  return {
    configPath,
    dataFolder,
    start: () => {
      const agent = startAgent(configPath);
      agents.push(agent);
      return agent;
    },
    knowFloat32: () => knowFloat32(configPath),
  };
}

function startAgent(configPath: string): Agent {
  const child = spawn(process.execPath, [programPath(), 'agent', '--config', configPath], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const chunks: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  const exited = once(child, 'exit');
  return {
    process: child,
    pid: child.pid ?? 0,
    log: () => chunks.join(''),
    exitCode: async () => ((await exited) as [number | null])[0],
  };
}

async function end({ process: child, exitCode }: Agent): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await exitCode();
}

async function knowFloat32(configPath: string): Promise<void> {
  const { dataFolder, slots } = await loadConfig(configPath);
  const digest = await sha256OfFile(join(bundledFolder(target), manifestFile));
  const folder = join(dataFolder, 'models', digest);
  const bundled = await readManifest(bundledFolder(target));
  const model = { name: bundled.name, version: bundled.version, digest, folder };
  const runnable = { ...float32Of(model, bundled), path: join(folder, bundled.manifest.model.file) };
  using store = openStore(dataFolder);
  store.selections.put(digest, settingsFingerprint(slots[0]!), JSON.stringify({ runnable, trials: [] }), 0);
}

async function recordingsOf(people: readonly string[]): Promise<string[]> {
  const folder = join(bundledFolder(target), 'recordings');
  const names = (await readdir(folder)).filter((name) => people.some((person) => name.startsWith(person))).sort();
  return names.map((name) => join(folder, name));
}

/** Processes that `pid` started, from the kernel's own list. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

export async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: X');
  return !/^State:\s+[XZ]/m.test(status);
}

/** A consumer with a durable session: it hears everything, also what came while the broker or it was away. */
export class Consumer {
  readonly batches: Telemetry[] = [];
  readonly statuses: { online: boolean; sess: number }[] = [];
  readonly events: { topic: string; text: string }[] = [];
  readonly benchTopics = new Set<string>();
  info: unknown;
  reported: Reported | undefined;

  static async connect(t: Pick<TestContext, 'after'>, url: string): Promise<Consumer> {
    const consumer = new Consumer();
    const client = await mqtt.connectAsync(url, { clientId: 'consumer', clean: false, reconnectPeriod: 100 });
    client.on('message', (topic, payload) => consumer.#hear(topic, JSON.parse(payload.toString())));
    await client.subscribeAsync(topics.everythingFrom(device), { qos: 1 });
    t.after(() => client.endAsync(true));
    return consumer;
  }

  #hear(topic: string, value: unknown): void {
    const kind = topic.split('/')[5];
    if (kind === 't') this.batches.push(telemetrySchema.parse(value));
    if (kind === 'status') this.statuses.push(value as { online: boolean; sess: number });
    if (kind === 'info') this.info = value;
    if (kind === 'reported') this.reported = reportedSchema.parse(value);
    if (kind === 'bench') this.benchTopics.add(topic);
    if (kind === 'ev') this.events.push({ topic, text: (value as { text: string }).text });
  }

  /** Waits until `count` decisions are there altogether. */
  async decisions(count: number, withinMs = 30_000): Promise<void> {
    await waitUntil(`${count} decisions`, () => this.of('decisions').points.length >= count, withinMs);
  }

  get slot(): Reported['slots'][number] | undefined {
    return this.reported?.slots[0];
  }

  /** Everything of a stream: epochs in order of appearance, numbers that arrived, duplicates, gaps. */
  of(stream: string): Received {
    return receivedFrom(this.batches.filter((batch) => batch.stream === stream));
  }
}

export type Received = {
  readonly epochs: readonly string[];
  /** `<epoch>/<number>` of every point, in order of arrival, without duplicates. */
  readonly points: readonly string[];
  readonly duplicates: number;
  readonly gaps: readonly NonNullable<Telemetry['gap']>[];
  /** `<epoch>/<number>` that is missing although a later one of its epoch arrived, and no gap states it. */
  readonly missing: readonly string[];
  /** Whether each epoch's numbers arrived in their order. */
  readonly isInOrder: boolean;
};

function receivedFrom(batches: readonly Telemetry[]): Received {
  const seen = new Set<string>();
  const stated = new Set<string>();
  const highest = new Map<string, number>();
  let [duplicates, isInOrder] = [0, true];
  for (const { epoch, first, pts, gap } of batches) {
    for (let seq = gap?.first ?? 0; gap && seq <= gap.last; seq += 1) stated.add(`${epoch}/${seq}`);
    for (let seq = first; seq < first + pts.length; seq += 1) {
      const key = `${epoch}/${seq}`;
      if (seen.has(key)) duplicates += 1;
      else if (seq < (highest.get(epoch) ?? -1)) isInOrder = false;
      seen.add(key);
      highest.set(epoch, Math.max(seq, highest.get(epoch) ?? -1));
    }
  }
  const expected = [...highest].flatMap(([epoch, last]) =>
    Array.from({ length: last + 1 }, (_, seq) => `${epoch}/${seq}`),
  );
  return {
    epochs: [...highest.keys()],
    points: [...seen],
    duplicates,
    gaps: batches.flatMap(({ gap }) => gap ?? []),
    missing: expected.filter((key) => !seen.has(key) && !stated.has(key)),
    isInOrder,
  };
}
