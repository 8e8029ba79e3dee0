/**
 * What the agent takes while its runner is alive: PSS (shared pages divided among their users), the median of readings
 * over some seconds of steady work, as in the method of published comparisons. Also whether ONNX Runtime is in it: it must not be.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Aedes } from 'aedes';
import { prepareRepository } from '../../fleet/demo/repository.ts';
import { bundledFolder } from '../../models/bundled.ts';
import { nodeOptions, programPath } from '../../runtime/base/children.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { readProcessMemory } from '../../runtime/hardware/process-memory.ts';
import { median } from '../../runtime/measure/statistics.ts';
import type { BenchRow } from './sections.ts';

const target = 'watch-exercise';
/** Readings, half a second apart, after the deployment has settled. */
const readings = 40;
const mebibyte = 2 ** 20;

export async function benchAgentMemory(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-bench-'));
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const configPath = await writeConfig(folder, `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
  const { execPath, execArgv, env } = nodeOptions();
  const agent = spawn(execPath, [...execArgv, programPath(), 'agent', '--config', configPath], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await settled(broker, agent);
    return await measure(agent.pid ?? 0);
  } finally {
    const exited = once(agent, 'exit');
    if (agent.kill('SIGTERM')) await exited;
    server.close();
    broker.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A whole deployment first, so that everything that is loaded on demand has been. */
async function settled(broker: Aedes, agent: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  broker.on('publish', ({ topic, payload }) => {
    if (topic.endsWith('/up/reported') && /"state":"(succeeded|failed|rolled_back)"/.test(payload.toString()))
      resolve();
  });
  agent.once('exit', (code) => reject(new Error(`expected the agent to run on, got exit code ${code}`)));
  await promise;
}

async function measure(pid: number): Promise<BenchRow[]> {
  const [agentBytes, runnerBytes]: [number[], number[]] = [[], []];
  for (let count = 0; count < readings; count += 1) {
    await sleep(500);
    const runner = Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ')[0]);
    agentBytes.push(readProcessMemory(pid).pssBytes ?? Number.NaN);
    runnerBytes.push(readProcessMemory(runner).pssBytes ?? Number.NaN);
  }
  const agent = median(agentBytes) / mebibyte;
  const hasEngine = (await readFile(`/proc/${pid}/maps`, 'utf8')).includes('onnxruntime') ? 1 : 0;
  return [
    {
      name: 'agent, median PSS with its runner alive',
      value: agent,
      unit: 'MiB',
      target: '≤ 90 MB',
      ok: agent * mebibyte <= 90e6,
    },
    {
      name: 'runner beside it, median PSS',
      value: median(runnerBytes) / mebibyte,
      unit: 'MiB',
      target: '(stated)',
      ok: true,
    },
    { name: 'ONNX Runtime in the agent', value: hasEngine, unit: '', target: 'none', ok: hasEngine === 0 },
  ];
}

async function writeConfig(folder: string, brokerUrl: string): Promise<string> {
  const { rootFile, folder: repository } = await prepareRepository(join(folder, 'repository'), target, systemClock);
  const all = join(bundledFolder(target), 'recordings');
  const recordings = (await readdir(all)).filter((name) => name.startsWith('p0')).map((name) => join(all, name));
  const source = { kind: 'replay', recordings };
  const config = {
    ...{ device: 'bench', dataFolder: join(folder, 'data'), broker: { url: brokerUrl }, logLevel: 'warn' },
    repository: { url: `${pathToFileURL(repository).href}/`, rootFile },
    slots: [
      {
        ...{ confirmMs: 5000, shadow: { windows: 16, share: 0.01 } },
        ...{ slot: 'main', target, source: { ...source, speed: 8, loop: true } },
        calibration: { windows: 900, source: { ...source, speed: 0, loop: false } },
      },
    ],
    telemetry: { systemIntervalMs: 1000 },
  };
  const path = join(folder, 'agent.json');
  await writeFile(path, JSON.stringify(config));
  return path;
}
